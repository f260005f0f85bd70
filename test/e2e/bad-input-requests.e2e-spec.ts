import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { sentenceOf } from '../helpers/tables-fields.js';
import { INTERNALS, Stage, type Ask } from '../helpers/tables-stage.js';

const INTERACTION = '/customers/supportInteraction';
const RESULT = '/customers/supportResult';
const ID = '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1';
const LIMIT = 256 * 1024;
const VALID = `{"conversationId":"${ID}","customerId":"C-1","wrapupCode":"x"}`;

const NOT_JSON = { code: 'request.malformed-json', message: 'The body is not valid JSON.' };
const NOT_UTF8 = { code: 'request.malformed-json', message: 'The body is not UTF-8.' };
const BAD_KEY = {
  code: 'request.malformed-json',
  message: 'The body has a key "__proto__", or a "prototype" inside a "constructor"; neither is allowed.',
};
const TOO_LARGE = { code: 'request.too-large', message: 'The body is larger than 256 KiB, the limit; send less.' };

function invalid(field: string, message: string, value?: string | number) {
  const problem = { field, message, ...(value === undefined ? {} : { value }) };
  return { code: 'request.invalid', message: sentenceOf(problem), details: [problem] };
}

function typeOf(given: string) {
  const what = given === '' ? 'The body has no Content-Type' : `Content-Type "${given}" is not taken`;
  return { code: 'request.media-type', message: `${what}; send application/json.` };
}

const notAnObject = (what: string) => invalid('body', `must be an object, not ${what}`);

const BODIES: [name: string, ask: Ask, status: number, error: object][] = [
  ['an array', { body: '[]' }, 400, notAnObject('an array')],
  ['a text', { body: '"x"' }, 400, notAnObject('a string')],
  ['a number', { body: '5' }, 400, invalid('body', 'must be an object, not a number', 5)],
  ['null', { body: 'null' }, 400, notAnObject('null')],
  ['nothing', { body: '' }, 400, invalid('body', 'is required')],
  ['no body at all', {}, 400, invalid('body', 'is required')],
  ['spaces', { body: '  ' }, 400, NOT_JSON],
  ['broken JSON', { body: VALID.slice(0, -1) }, 400, NOT_JSON],
  ['two values', { body: `${VALID}${VALID}` }, 400, NOT_JSON],
  ['a comment', { body: `/* hi */${VALID}` }, 400, NOT_JSON],
  ['NaN', { body: VALID.replace('"x"', 'NaN') }, 400, NOT_JSON],
  ['__proto__', { body: VALID.replace('}', ',"__proto__":{"admin":true}}') }, 400, BAD_KEY],
  ['__proto__ in attributes', { body: VALID.replace('}', ',"attributes":{"__proto__":"x"}}') }, 400, BAD_KEY],
  ['__proto__, escaped', { body: VALID.replace('}', ',"\\u005f_proto__":{"admin":true}}') }, 400, BAD_KEY],
  ['constructor.prototype', { body: VALID.replace('}', ',"constructor":{"prototype":{"x":1}}}') }, 400, BAD_KEY],
  ['bytes that are not UTF-8', { body: Buffer.from([0x7b, 0xff, 0x7d]) }, 400, NOT_UTF8],
  ['Latin-1', { body: Buffer.from('{"customerId":"Zo\u00eb"}', 'latin1') }, 400, NOT_UTF8],
  ['UTF-16', { body: Buffer.from('\ufeff{}', 'utf16le') }, 400, NOT_UTF8],
  ['deep nesting', { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` }, 400, notAnObject('an array')],
  ['plain text', { body: VALID, headers: { 'content-type': 'text/plain' } }, 415, typeOf('text/plain')],
  [
    'a form',
    { body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    415,
    typeOf('application/x-www-form-urlencoded'),
  ],
  [
    'a made-up type',
    { body: VALID, headers: { 'content-type': 'application/jsonx' } },
    415,
    typeOf('application/jsonx'),
  ],
  ['no type', { body: Buffer.from(VALID), headers: { 'content-type': '' } }, 415, typeOf('')],
  [
    'a type that is no type',
    { body: VALID, headers: { 'content-type': `x${'y'.repeat(999)}` } },
    415,
    typeOf(`x${'y'.repeat(199)}…`),
  ],
  ['one byte more than 256 KiB', { body: `"${'x'.repeat(LIMIT - 1)}"` }, 413, TOO_LARGE],
  ['256 KiB: as large as may be', { body: `"${'x'.repeat(LIMIT - 2)}"` }, 400, notAnObject('a string')],
];

const noInteraction = {
  code: 'interaction.not-found',
  message: `There is no interaction with the id ${ID}. It may be older than RETENTION_DAYS.`,
};
const noRoute = (what: string) => ({
  code: 'request.no-such-route',
  message: `There is no ${what}; /docs lists what there is.`,
});
const noMethod = (method: string, path: string, possible: string) => ({
  code: 'request.method-not-allowed',
  message: `${method} is not possible on ${path}; possible: ${possible}.`,
});
const LIST = `${INTERACTION}?`;
const STATUSES = 'accepted, listening, captured, delivered, dead, discarded, expired, cancelled';
const badLimit = (max: number) => `must be a whole number from 1 to ${String(max)}`;

const PATHS: [method: string, path: string, status: number, error: object][] = [
  ['GET', `${INTERACTION}/abc`, 400, invalid('id', 'must be a UUID', 'abc')],
  ['DELETE', `${INTERACTION}/abc`, 400, invalid('id', 'must be a UUID', 'abc')],
  ['GET', `${INTERACTION}/${ID}%00`, 400, invalid('id', 'must be a UUID', `${ID}\u0000`)],
  ['GET', `${INTERACTION}/${ID}`, 404, noInteraction],
  ['GET', `${INTERACTION}/${ID.toUpperCase()}`, 404, noInteraction],
  ['DELETE', `${INTERACTION}/${ID}`, 404, noInteraction],
  ['POST', '/ops/dead-letters/abc/replay', 400, invalid('recordId', 'must be a UUID', 'abc')],
  [
    'POST',
    `/ops/dead-letters/${ID}/replay`,
    404,
    {
      code: 'delivery.not-found',
      message: `There is no delivery ${ID}. Delivered ones are deleted after RETENTION_DAYS.`,
    },
  ],
  ['GET', `${LIST}limit=0`, 400, invalid('limit', 'has the value 0; the least is 1')],
  ['GET', `${LIST}limit=201`, 400, invalid('limit', 'has the value 201; the limit is 200')],
  ['GET', `${LIST}limit=abc`, 400, invalid('limit', badLimit(200), 'abc')],
  ['GET', `${LIST}limit=`, 400, invalid('limit', badLimit(200), '')],
  ['GET', `${LIST}limit=-1`, 400, invalid('limit', badLimit(200), '-1')],
  ['GET', `${LIST}limit=1&limit=2`, 400, invalid('limit', 'must be a string, not an array')],
  ['GET', `${LIST}status=lost`, 400, invalid('status', `must be one of ${STATUSES}`, 'lost')],
  ['GET', `${LIST}status=DEAD`, 400, invalid('status', `must be one of ${STATUSES}`, 'DEAD')],
  ['GET', `${LIST}conversationId=1`, 400, invalid('conversationId', 'must be a UUID', '1')],
  ['GET', `${LIST}colour=red`, 400, invalid('colour', 'is not a known field; leave it out')],
  ['GET', `${LIST}cursor=${'x'.repeat(201)}`, 400, invalid('cursor', 'has 201 characters; the limit is 200')],
  [
    'GET',
    `${LIST}cursor=abc`,
    400,
    {
      code: 'request.invalid',
      message: 'cursor is not one that this list has given: leave it out to begin at the newest.',
      details: [{ field: 'cursor', message: 'is not a cursor of this list' }],
    },
  ],
  ['GET', '/ops/dead-letters?limit=501', 400, invalid('limit', 'has the value 501; the limit is 500')],
  ['GET', '/ops/gaps?limit=x', 400, invalid('limit', badLimit(500), 'x')],
  ['GET', '/nothing?token=hush', 404, noRoute('GET /nothing')],
  ['GET', `${INTERACTION}/`, 404, noRoute(`GET ${INTERACTION}/`)],
  ['POST', `/${INTERACTION}`, 404, noRoute(`POST /${INTERACTION}`)],
  ['POST', '/customers//supportInteraction', 404, noRoute('POST /customers//supportInteraction')],
  ['POST', '/customers/supportinteraction', 404, noRoute('POST /customers/supportinteraction')],
  ['GET', `/${'x'.repeat(500)}`, 404, noRoute(`GET /${'x'.repeat(199)}…`)],
  ['PUT', INTERACTION, 405, noMethod('PUT', INTERACTION, 'GET, HEAD, POST')],
  ['GET', RESULT, 405, noMethod('GET', RESULT, 'POST')],
  ['PATCH', `${INTERACTION}/${ID}`, 405, noMethod('PATCH', `${INTERACTION}/${ID}`, 'DELETE, GET, HEAD')],
  [
    'GET',
    `${INTERACTION}/%zz`,
    400,
    {
      code: 'request.bad-url',
      message: 'The path of this request cannot be decoded: "%" must begin an encoded UTF-8 character.',
    },
  ],
  [
    'GET',
    `${INTERACTION}/${'x'.repeat(769)}`,
    414,
    {
      code: 'request.path-too-long',
      message: 'A part of the path is longer than 768 characters, the limit; ids are shorter.',
    },
  ],
];

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
};

describe('a bad request', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterEach(async () => {
    expect(await stage.total()).toBe(0);
  });
  afterAll(() => stage.stop());

  async function refused(path: string, ask: Ask, status: number, error: object): Promise<Headers> {
    const answer = await stage.ask(path, ask);
    expect(answer.body).toEqual({ statusCode: status, error: TITLES[status], ...error });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toMatch(INTERNALS);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    return answer.headers;
  }

  describe.each([INTERACTION, RESULT])('POST %s', (path) => {
    it.each(BODIES)('with %s', async (_, ask, status, error) => {
      await refused(path, { ...ask, method: 'POST' }, status, error);
    });
  });

  it.each(PATHS)('%s %s: %i', async (method, path, status, error) => {
    const as = path.startsWith('/ops') ? 'admin' : 'intake';
    const headers = await refused(path, { method, as }, status, error);
    if (status === 405) expect(headers.get('allow')).toBe(/possible: (.*)\./.exec(JSON.stringify(error))?.[1]);
  });

  it('is too large too when its length comes only at its end', async () => {
    const answer = await rawRequest(stage.gateway.url, [
      `POST ${INTERACTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `${(LIMIT + 1).toString(16)}\r\n"${'x'.repeat(LIMIT)}\r\n`,
    ]);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(JSON.parse(bodyOf(answer))).toEqual({ statusCode: 413, error: 'Payload Too Large', ...TOO_LARGE });
  });

  it.each([
    ['no HTTP', 'HELLO\r\n\r\n', 400, 'Bad Request', 'request.malformed-http'],
    [
      'two lengths',
      `POST ${INTERACTION} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n`,
      400,
      'Bad Request',
      'request.malformed-http',
    ],
    [
      'huge headers',
      `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
      'Request Header Fields Too Large',
      'request.headers-too-large',
    ],
  ])('in one shape even when it is %s', async (_, text, status, error, code) => {
    const answer = await rawRequest(stage.gateway.url, [text]);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} `));
    expect(JSON.parse(bodyOf(answer))).toEqual({
      statusCode: status,
      error,
      code,
      message: expect.stringMatching(/\.$/),
    });
  });

  it('takes a list query that is right', async () => {
    for (const query of ['', '?limit=1', '?limit=200', `?conversationId=${randomUUID()}&status=dead`]) {
      expect((await stage.ask(`${INTERACTION}${query}`)).body).toEqual({ items: [] });
    }
  });
});

/** What comes back until the other side ends the connection. */
function rawRequest(url: string, parts: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
      for (const part of parts) socket.write(part);
    });
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (answer.includes('}')) socket.end();
    });
    socket.on('close', () => (answer === '' ? reject(new Error('no answer')) : resolve(answer)));
    socket.on('error', () => undefined); // A server that refuses early may reset what is still being sent.
  });
}

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}
