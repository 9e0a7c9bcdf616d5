// A certified authorization server (npm oidc-provider), set to FAPI 2.0, to compare with what is refused here.
// PEER_CONFIG is {client_id, key, redirect_uri}: one client, and its public key. The first line says where it listens.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const config = JSON.parse(process.env.PEER_CONFIG);
let answer = (request, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const taken = ['ES256', 'PS256', 'Ed25519', 'EdDSA'];

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: config.client_id,
      jwks: { keys: [config.key] },
      redirect_uris: [config.redirect_uri],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      scope: 'openid residents.find records.read',
      dpop_bound_access_tokens: true,
      require_pushed_authorization_requests: true,
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [config.signing] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  scopes: ['openid', 'offline_access', 'residents.find', 'records.read'],
  clientAuthMethods: ['private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: taken, dPoPSigningAlgValues: taken, idTokenSigningAlgValues: ['ES256'] },
  pkce: { required: () => true },
  responseTypes: ['code'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    fapi: { enabled: true, profile: '2.0' },
  },
});
answer = provider.callback();
console.log(JSON.stringify({ issuer }));
