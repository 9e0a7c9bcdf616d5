// A partner's system by others (openid-client) that asks somebody who is not here. Says one line of JSON at each step.
// PEER_CONFIG: {issuer, client, key (a private JWK), now (seconds), form}; goes on when a line comes in.

const config = JSON.parse(process.env.PEER_CONFIG)
Date.now = () => config.now * 1000  // the tests' clock stands still

const { default: readline } = await import('node:readline')
const client = await import('openid-client')

const say = (said) => console.log(JSON.stringify(said))
const goAhead = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const grant = 'urn:openid:params:grant-type:ciba'

const key = await crypto.subtle.importKey('jwk', config.key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const server = await client.discovery(
  new URL(config.issuer),
  config.client,
  undefined,
  client.PrivateKeyJwt({ key, kid: config.key.kid }),
  { algorithm: 'oauth2', execute: [client.allowInsecureRequests] },
)
const DPoP = client.getDPoPHandle(server, await client.randomDPoPKeyPair('ES256'))

const asked = await client.initiateBackchannelAuthentication(server, config.form)
say(asked)
const first = await client
  .genericGrantRequest(server, grant, { auth_req_id: asked.auth_req_id }, { DPoP })
  .catch((refused) => refused)
say({ error: first.error, status: first.status })
await goAhead.next()
const poll = { ...asked, interval: 1 }
say(await client.pollBackchannelAuthenticationGrant(server, poll, undefined, { DPoP }).catch((e) => ({ error: e.error, message: String(e) })))
process.exit(0)
