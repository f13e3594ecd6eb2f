// A real sign-in server for tests: oidc-provider (OpenID certified) over TLS, with what a test needs of it beside.
//
// Arguments: the folder of its installation, and a JSON object: https and http (ports of 127.0.0.1), key and certificate
// (files), clients (as oidc-provider takes them), ttl (seconds that an access token lasts), username (what introspection
// tells of every token), refresh (a client for which a refresh token is made, as if a person had signed in), people (the
// claims of each person who can sign in), in_token (false: they are told at the userinfo endpoint only).
//
// On the http port, for mail servers and the test: the provider itself (introspection), and under /test/ what no real
// provider can be told to do: to throttle, to forget, to fall silent after it has done its work.
import http from 'node:http';
import https from 'node:https';
import fs from 'node:fs';
import path from 'node:path';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [installed, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const library = path.join(installed, 'node_modules/oidc-provider/lib/index.js');
const { Provider } = await import(pathToFileURL(library));

// New at each start: whoever kept the former ones must ask again.
const key = (alg, kind, options) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID(),
});
const keys = [key('RS256', 'rsa', { modulusLength: 2048 }), key('ES256', 'ec', { namedCurve: 'P-256' })];
const people = settings.people ?? {};

const provider = new Provider(`https://localhost:${settings.https}`, {
  clients: settings.clients,
  scopes: ['openid', 'offline_access', 'mail', 'profile'],
  jwks: { keys },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
  conformIdTokenClaims: settings.in_token === false,
  findAccount: async (ctx, sub) => ({ accountId: sub, claims: async () => ({ sub, ...people[sub] }) }),
  ttl: { AccessToken: settings.ttl, ClientCredentials: settings.ttl, RefreshToken: 86400, Grant: 86400, DeviceCode: 600 },
  // Each use of a refresh token gives another one, and makes the former void.
  rotateRefreshToken: true,
  extraTokenClaims: () => ({ username: settings.username }),
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    devInteractions: { enabled: false },
  },
});
// The path of introspection is spoken to without TLS, on this machine.
provider.proxy = true;

const counts = { token: 0, introspection: 0, throttled: 0 };
let throttle = { times: 0 };
let silent = false;
let person = '';
let refuses = false;
provider.use(async (ctx, next) => {
  if (ctx.path === '/token') {
    if (throttle.times > 0) {
      throttle.times -= 1;
      counts.throttled += 1;
      ctx.status = throttle.status;
      if (throttle.retryAfter) ctx.set('Retry-After', throttle.retryAfter);
      ctx.body = '';
      return;
    }
    counts.token += 1;
  }
  if (ctx.path.startsWith('/interaction/')) {
    // A person types name and password, and agrees.
    const { params } = await provider.interactionDetails(ctx.req, ctx.res);
    const grant = new provider.Grant({ clientId: params.client_id, accountId: person });
    grant.addOIDCScope(params.scope);
    const result = refuses
      ? { error: 'access_denied' }
      : { login: { accountId: person }, consent: { grantId: await grant.save() } };
    await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
    ctx.respond = false;
    return;
  }
  if (ctx.path === '/token/introspection') counts.introspection += 1;
  await next();
  // The work is done, and nobody hears of it.
  if (silent && ctx.path === '/token') await new Promise(() => {});
});

const given = { ClientCredentials: [], AccessToken: [], RefreshToken: [] };
provider.on('client_credentials.saved', (token) => given.ClientCredentials.push(token.jti));
provider.on('access_token.saved', (token) => given.AccessToken.push(token.jti));
provider.on('refresh_token.saved', (token) => given.RefreshToken.push(token.jti));
const forget = async (kind) => {
  for (const id of given[kind].splice(0)) {
    const token = await provider[kind].find(id, { ignoreExpiration: true });
    if (token) await token.destroy();
  }
};

// As if a person had signed in as this account and agreed.
const agreed = async (clientId) => {
  const grant = new provider.Grant({ clientId, accountId: settings.username });
  grant.addOIDCScope('openid offline_access mail');
  return grant.save();
};
const refreshToken = async (clientId) => {
  const client = await provider.Client.find(clientId);
  const token = new provider.RefreshToken({
    client, accountId: settings.username, grantId: await agreed(clientId), scope: 'openid offline_access mail', gty: 'device_code',
  });
  return token.save();
};

const asked = {
  '/test/counts': async () => counts,
  '/test/given': async () => Object.values(given).flat(),
  '/test/throttle': async (query) => {
    throttle = { times: Number(query.get('times')), status: Number(query.get('status')), retryAfter: query.get('retry_after') };
  },
  '/test/forget': async (query) => forget(query.get('kind')),
  '/test/silent': async (query) => { silent = query.get('on') === 'yes'; },
  '/test/person': async (query) => { person = query.get('name'); refuses = query.get('refuses') === 'yes'; },
  '/test/refresh-token': async (query) => refreshToken(query.get('client')),
  '/test/approve': async (query) => {
    const code = await provider.DeviceCode.findByUserCode(query.get('code').replace(/[^A-Z]/g, ''));
    Object.assign(code, { accountId: settings.username, grantId: await agreed(code.clientId), scope: 'openid offline_access mail' });
    await code.save();
  },
};

const callback = provider.callback();
const plain = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const answer = asked[url.pathname];
  if (!answer) return callback(request, response);
  try {
    response.end(JSON.stringify((await answer(url.searchParams)) ?? 'done'));
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error.stack));
  }
});
const secure = https.createServer(
  { key: fs.readFileSync(settings.key), cert: fs.readFileSync(settings.certificate) }, callback,
);
secure.listen(settings.https, '127.0.0.1', () => plain.listen(settings.http, '127.0.0.1'));
