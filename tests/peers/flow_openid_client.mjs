// The whole way with openid-client, as its users write it. Reads what it needs on stdin, prints what it saw as JSON.

import { readFileSync } from 'node:fs'
import { importJWK } from 'jose'
import * as client from 'openid-client'
import { Browser, agreeToWhatWaits } from './people.mjs'

const told = JSON.parse(readFileSync(0, 'utf8'))
const seen = {}
const key = { key: await importJWK(told.key, 'ES256'), kid: told.key.kid }
const config = await client.discovery(new URL(told.issuer), told.client_id, {}, client.PrivateKeyJwt(key), {
  algorithm: 'oauth2',
  execute: [client.allowInsecureRequests],
})
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

async function authorized(who, parameters) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const address = await client.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: told.redirect_uri,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      ...parameters,
    },
    { DPoP },
  )
  const back = await (await new Browser(told.issuer).become(who)).answer(address)
  seen.iss = back.searchParams.get('iss')
  return client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state }, undefined, { DPoP })
}

const call = async (token, path, body) => {
  const headers = new Headers({ 'content-type': 'application/json' })
  const url = new URL(path, told.issuer)
  return client.fetchProtectedResource(config, token, url, 'POST', JSON.stringify(body), headers, { DPoP })
}

const worker = await authorized(told.worker, { scope: 'residents.find records.read' })
seen.token_type = worker.token_type
const found = await call(worker.access_token, '/api/residents/find', told.sought)
const { resident } = await found.json()
seen.found = found.status

const details = [{ ...told.details, resident }]
const shared = await authorized(`resident:${told.resident}`, {
  scope: 'records.read',
  authorization_details: JSON.stringify(details),
})
seen.granted = shared.authorization_details
const view = { resident, purpose: told.details.purpose, sections: told.details.sections, reason: 'Arrears' }
seen.record = (await call(shared.access_token, '/api/records/view', view)).status

const renewed = await client.refreshTokenGrant(config, shared.refresh_token, undefined, { DPoP })
seen.renewed = (await call(renewed.access_token, '/api/records/view', view)).status
seen.told = await client.tokenIntrospection(config, renewed.access_token)
await client.tokenRevocation(config, renewed.access_token)
seen.after = (await client.tokenIntrospection(config, renewed.access_token)).active

const system = await client.clientCredentialsGrant(config, { scope: 'residents.find' }, { DPoP })
seen.system = (await client.tokenIntrospection(config, system.access_token)).sub

const asked = await client.initiateBackchannelAuthentication(config, {
  scope: 'records.read',
  login_hint: resident,
  authorization_details: JSON.stringify(details),
})
await agreeToWhatWaits(told.issuer, told.resident)
const absent = await client.pollBackchannelAuthenticationGrant(config, { ...asked, interval: 1 }, undefined, { DPoP })
seen.absent = (await call(absent.access_token, '/api/records/view', view)).status

const no = await (await new Browser(told.issuer).become(told.worker)).answer(
  await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: told.redirect_uri,
    code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
    code_challenge_method: 'S256',
    scope: 'records.read',
  }),
  'no',
)
seen.refused = await client
  .authorizationCodeGrant(config, no, { pkceCodeVerifier: 'v'.repeat(43) }, undefined, { DPoP })
  .catch((error) => error.error)
console.log(JSON.stringify(seen))
