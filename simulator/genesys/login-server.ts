import type { FastifyInstance, FastifyRequest } from 'fastify';
import { acceptForm, makeServer } from '../common/http-server.js';
import type { SimulatedClock } from '../common/clock.js';
import type { Announce } from './genesys-events.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';
import { checkAssertion } from './saml-assertion.js';
import type { Tokens } from './tokens.js';
import { OAuthRefusal } from './oauth-refusal.js';

interface Parts {
  clock: SimulatedClock;
  tokens: Tokens;
  options: () => GenesysOptions;
  announce: Announce;
}

const SAML2_BEARER = 'urn:ietf:params:oauth:grant-type:saml2-bearer';

/** The login host: POST /oauth/token with both grants (docs/wire-facts.md §1.2, §1.3); errors as in RFC 6749 §5.2. */
export function makeLoginServer(): FastifyInstance {
  const server = makeServer();
  acceptForm(server);
  server.setErrorHandler((error, _request, reply) => {
    if (error instanceof OAuthRefusal) return reply.status(error.status).headers(error.headers).send(error.body());
    if (error instanceof Refusal) return reply.status(error.status).headers(error.headers).send(error.body());
    const { statusCode = 500 } = error as { statusCode?: number };
    const refusal = new OAuthRefusal(
      statusCode < 500 ? 'invalid_request' : 'server_error',
      'The request is not a form.',
    );
    return reply.status(statusCode < 500 ? 400 : statusCode).send(refusal.body());
  });
  server.setNotFoundHandler((_request, reply) => reply.status(404).send(Refusal.notFound().body()));
  return server;
}

export function tokenRoute(server: FastifyInstance, { clock, tokens, options, announce }: Parts): void {
  server.post('/oauth/token', async (request, reply) => {
    const form = formOf(request);
    authenticateClient(request, form, options());
    const grant = grantOf(form, options(), clock.now());
    const { tokenLifeS } = options();
    const token = tokens.issue(grant, tokenLifeS);
    announce('token', { grant, expiresInS: tokenLifeS });
    reply.header('cache-control', 'no-store');
    return { access_token: token.value, token_type: 'bearer', expires_in: tokenLifeS };
  });
}

function formOf(request: FastifyRequest): Map<string, string> {
  if (!(request.body instanceof URLSearchParams)) throw new OAuthRefusal('invalid_request', 'The request has no form.');
  const form = new Map<string, string>();
  for (const [name, value] of request.body) {
    // RFC 6749 §3.2: parameters must not be included more than once.
    if (form.has(name)) throw new OAuthRefusal('invalid_request', `The parameter ${name} comes twice.`);
    form.set(name, value);
  }
  return form;
}

/** Basic, or both in the form (docs/wire-facts.md §1.2); RFC 6749 §2.3 forbids more than one way at once. */
function authenticateClient(
  request: FastifyRequest,
  form: Map<string, string>,
  { clientId, clientSecret }: GenesysOptions,
): void {
  const { authorization } = request.headers;
  if (authorization !== undefined && form.has('client_secret')) {
    throw new OAuthRefusal('invalid_request', 'The client authenticates in two ways.');
  }
  const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1];
  const given =
    authorization === undefined
      ? `${form.get('client_id') ?? ''}:${form.get('client_secret') ?? ''}`
      : Buffer.from(basic ?? '', 'base64').toString('utf8');
  if (given === `${clientId}:${clientSecret}`) return;
  throw new OAuthRefusal('invalid_client', 'authentication failed', 401);
}

function grantOf(form: Map<string, string>, options: GenesysOptions, now: number): string {
  const grant = form.get('grant_type');
  if (grant === undefined) throw new OAuthRefusal('invalid_request', 'The parameter grant_type is missing.');
  if (grant === 'client_credentials') return grant;
  if (grant !== SAML2_BEARER) throw new OAuthRefusal('unsupported_grant_type', 'This grant_type is not supported.');
  // Exactly so: orgName in camelCase (docs/wire-facts.md §1.3).
  const orgName = form.get('orgName');
  if (!orgName) throw new OAuthRefusal('invalid_request', 'The parameter orgName is missing.');
  if (orgName !== options.orgName) throw new OAuthRefusal('invalid_grant', 'The organisation does not exist.');
  checkAssertion(form.get('assertion'), options, now);
  return grant;
}
