// A certified OpenID provider (npm oidc-provider) to sign in with. Nobody is asked anything: whoever the test says is
// signed in. PEER_CONFIG is {clients, accounts, port?}; one line of JSON on standard output says where it listens.
//
//   accounts: {name: {id_token: {claim: …}, userinfo: {claim: …}, amr: […]}}; `sub` is in both, else the name.
//   POST /test/as            {account}            who is at the keyboard from now on; null: access_denied
//   POST /test/claims        {account, id_token?, userinfo?, amr?}   what is said of them from now on
//   POST /test/logout-token  {client, sub, sid}   the logout token that the client would be sent
import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const config = JSON.parse(process.env.PEER_CONFIG);
const accounts = config.accounts;
const RSA = ['RS256', 'RS512', 'PS256'];
let atKeyboard = null;
let sent = null;

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
let answer = (request, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
await new Promise((ready) => server.listen(config.port ?? 0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const said = (name) => [...new Set(Object.values(accounts).flatMap((each) => Object.keys(each[name] ?? {})))];
const scopes = ['profile', 'nhsperson', 'nationalrbacaccess', 'selectedrole'];

const provider = new Provider(issuer, {
  clients: config.clients.map((client) => ({
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    backchannel_logout_session_required: true,
    ...client,
  })),
  jwks: { keys: [{ ...key, use: 'sig', kid: 'first' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  extraParams: ['vtr'],
  enabledJWA: { idTokenSigningAlgValues: RSA, clientAuthSigningAlgValues: RSA },
  claims: {
    openid: ['sub', 'amr', ...said('id_token'), ...said('userinfo')],
    ...Object.fromEntries(scopes.map((scope) => [scope, []])),
    acr: null, auth_time: null, iss: null, sid: null,
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
  },
  fetch: async (url, options) => {
    sent = new URLSearchParams(options.body).get('logout_token');
    return new Response(null, { status: 204 });
  },
  interactions: { url: (ctx, interaction) => `/test/interaction/${interaction.uid}` },
  async findAccount(ctx, name) {
    const account = accounts[name];
    return account && {
      accountId: name,
      async claims(use) {
        return { sub: name, ...account[use === 'id_token' ? 'id_token' : 'userinfo'] };
      },
    };
  },
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(['openid', ...scopes].join(' '));
    await grant.save();
    return grant;
  },
});

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString() || '{}');
}

const told = {
  '/test/as': async ({ account }) => { atKeyboard = account; },
  '/test/claims': async ({ account, ...changes }) => { Object.assign(accounts[account], changes); },
  '/test/logout-token': async ({ client, sub, sid }) => {
    await (await provider.Client.find(client)).backchannelLogout(sub, sid);
    return { logout_token: sent };
  },
};

answer = async (request, response) => {
  const path = new URL(request.url, issuer).pathname;
  try {
    if (path in told && request.method === 'POST') {
      const found = await told[path](await body(request));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? {}));
    } else if (path.startsWith('/test/interaction/')) {
      const result = atKeyboard === null
        ? { error: 'access_denied', error_description: 'They said no.' }
        : { login: { accountId: atKeyboard, amr: accounts[atKeyboard].amr, remember: false } };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    } else {
      await provider.callback()(request, response);
    }
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
};

console.log(JSON.stringify({ issuer }));
