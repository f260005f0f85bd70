import { basic, Client } from './client.js';

const SAML = 'urn:ietf:params:oauth:grant-type:saml2-bearer';
const ASSERTION = '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="a"/>';

describe('token endpoint', () => {
  let client: Client;
  beforeAll(async () => void (client = await Client.start()));
  afterAll(() => client.stop());

  it('answers client credentials in the Basic header and in the form', async () => {
    const byHeader = await client.form({ grant_type: 'client_credentials' });
    expect(byHeader).toMatchObject({ status: 200, body: { token_type: 'bearer', expires_in: 86_400 } });
    const fields = { grant_type: 'client_credentials', client_id: 'demo-client', client_secret: 'demo-secret' };
    const byForm = await client.form(fields, {});
    expect(byForm.status).toBe(200);
    expect(byForm.body.access_token).not.toBe(byHeader.body.access_token);
  });

  it('refuses wrong credentials with 401 invalid_client and says how to authenticate', async () => {
    const wrong = await client.form({ grant_type: 'client_credentials' }, basic('demo-client', 'nope'));
    expect(wrong).toMatchObject({
      status: 401,
      body: { error: 'invalid_client', error_description: 'authentication failed' },
    });
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic/);
    expect((await client.form({ grant_type: 'client_credentials' }, {})).status).toBe(401);
  });

  it.each([
    ['an unknown grant', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no grant', {}, 'invalid_request'],
    ['no orgName', { grant_type: SAML, assertion: 'PGE+' }, 'invalid_request'],
    ['orgname in the wrong case', { grant_type: SAML, orgname: 'demo-org', assertion: 'PGE+' }, 'invalid_request'],
    ['another organisation', { grant_type: SAML, orgName: 'other', assertion: 'PGE+' }, 'invalid_grant'],
    ['no assertion', { grant_type: SAML, orgName: 'demo-org' }, 'invalid_request'],
    ['an assertion that is not base64', { grant_type: SAML, orgName: 'demo-org', assertion: '<a/>' }, 'invalid_grant'],
    [
      'an assertion that is no SAML',
      { grant_type: SAML, orgName: 'demo-org', assertion: btoa('<a/>') },
      'invalid_grant',
    ],
    ['credentials twice', { grant_type: 'client_credentials', client_secret: 'demo-secret' }, 'invalid_request'],
  ])('refuses %s', async (_what, fields, error) => {
    expect(await client.form(fields as Record<string, string>)).toMatchObject({ status: 400, body: { error } });
  });

  it('refuses a parameter that comes twice', async () => {
    const twice = await client.form('grant_type=client_credentials&grant_type=client_credentials');
    expect(twice).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it('refuses another content type', async () => {
    const headers = { ...basic('demo-client', 'demo-secret'), 'content-type': 'application/json' };
    const answer = await client.form({ grant_type: 'client_credentials' }, headers);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it.each(['base64', 'base64url'] as const)('takes an assertion in %s', async (encoding) => {
    const assertion = Buffer.from(`${ASSERTION}<!-- ÿþ?>> -->`).toString(encoding);
    const answer = await client.form({ grant_type: SAML, orgName: 'demo-org', assertion });
    expect(answer.status).toBe(200);
  });

  it('lets a token end on the simulated clock, and keeps an older one beside a newer one', async () => {
    client.simulator.genesys.configure({ tokenLifeS: 60 });
    const token = await client.newToken();
    await client.newToken();
    client.useToken(token);
    expect((await client.api('GET', '/notifications/channels')).status).toBe(200);
    client.simulator.clock.advance(60_000);
    expect(await client.api('GET', '/notifications/channels')).toMatchObject({
      status: 401,
      body: { code: 'bad.credentials' },
    });
  });
});
