// A certified OpenID provider (npm oidc-provider) with one client that gets tokens for itself: private_key_jwt and DPoP.
// PEER_CONFIG is {client, jwks, scope, port}; with WORKERS it listens in so many processes, on one address.
// One line of JSON on standard output says where, once every process listens.
import cluster from 'node:cluster';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const config = JSON.parse(process.env.PEER_CONFIG);
const workers = Number(process.env.WORKERS ?? 1);
const issuer = `http://127.0.0.1:${config.port}`;

if (cluster.isPrimary) {
  let ready = 0;
  for (let number = 0; number < workers; number += 1) {
    cluster.fork().on('listening', () => {
      ready += 1;
      if (ready === workers) console.log(JSON.stringify({ issuer }));
    });
  }
  process.on('SIGTERM', () => process.exit(0));
} else {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const provider = new Provider(issuer, {
    clients: [{
      client_id: config.client,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      id_token_signed_response_alg: 'ES256',
      dpop_bound_access_tokens: true,
      scope: config.scope,
      jwks: config.jwks,
    }],
    jwks: { keys: [{ ...key, use: 'sig', kid: 'first' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: config.scope.split(' '),
    enabledJWA: { clientAuthSigningAlgValues: ['ES256'], dPoPSigningAlgValues: ['ES256'] },
    assertJwtClientAuthClaimsAndHeader: async () => {},
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
    },
    ttl: { ClientCredentials: 300 },
  });
  provider.listen(config.port, '127.0.0.1');
}
