// The whole way with oauth4webapi, which checks every answer itself. Reads what it needs on stdin, prints what it saw.

import { readFileSync } from 'node:fs'
import { importJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import { Browser } from './people.mjs'

const told = JSON.parse(readFileSync(0, 'utf8'))
const seen = {}
const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(told.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain }))
const client = { client_id: told.client_id }
const auth = oauth.PrivateKeyJwt({ key: await importJWK(told.key, 'ES256'), kid: told.key.kid })
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const options = { DPoP, ...plain }

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const pushed = await oauth.processPushedAuthorizationResponse(
  as,
  client,
  await oauth.pushedAuthorizationRequest(
    as,
    client,
    auth,
    new URLSearchParams({
      redirect_uri: told.redirect_uri,
      response_type: 'code',
      scope: 'residents.find records.read',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
    }),
    options,
  ),
)
const address = `${as.authorization_endpoint}?client_id=${client.client_id}&request_uri=${encodeURIComponent(pushed.request_uri)}`
const back = await (await new Browser(told.issuer).become(told.worker)).answer(address)
const answer = oauth.validateAuthResponse(as, client, back, state)
seen.iss = answer.get('iss')
const token = await oauth.processAuthorizationCodeResponse(
  as,
  client,
  await oauth.authorizationCodeGrantRequest(as, client, auth, answer, told.redirect_uri, verifier, options),
)
seen.token_type = token.token_type

const find = (text) =>
  oauth.protectedResourceRequest(
    text,
    'POST',
    new URL('/api/residents/find', issuer),
    new Headers({ 'content-type': 'application/json' }),
    JSON.stringify(told.sought),
    options,
  )
seen.found = (await find(token.access_token)).status

const renewed = await oauth.processRefreshTokenResponse(
  as,
  client,
  await oauth.refreshTokenGrantRequest(as, client, auth, token.refresh_token, options),
)
seen.renewed = (await find(renewed.access_token)).status
const introspect = async (text) =>
  oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, text, plain))
seen.told = await introspect(renewed.access_token)
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token.refresh_token, plain))
seen.after = (await introspect(renewed.access_token)).active

const forged = new URL(back)
forged.searchParams.set('iss', 'https://evil.example')
try {
  oauth.validateAuthResponse(as, client, forged, state)
} catch (error) {
  seen.mixed_up = error.code
}
console.log(JSON.stringify(seen))
