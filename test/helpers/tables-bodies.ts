import {
  attributesField,
  badOf,
  enumField,
  goodOf,
  missing,
  textField,
  UUID,
  uuidField,
  wordsField,
  wrongTypes,
  type BadBody,
  type FieldTable,
  type GoodBody,
} from './tables-fields.js';

/** One POST of the API: a valid body, and what may and may not be done to it. */
export interface BodyTable {
  path: string;
  valid: Record<string, unknown>;
  bad: BadBody[];
  good: GoodBody[];
}

const COMMON: FieldTable[] = [
  uuidField('conversationId'),
  wordsField('customerId', 128),
  uuidField('agentId'),
  enumField('channel', ['CALL', 'CHAT', 'EMAIL', 'MESSAGE', 'CALLBACK', 'OTHER']),
  textField('subject', { min: 0, max: 256 }),
  textField('notes', { min: 0, max: 4000 }),
  attributesField(),
];

const UNKNOWN: BadBody[] = [
  {
    name: 'an unknown field',
    change: { colour: 'red' },
    details: [{ field: 'colour', message: 'is not a known field; leave it out' }],
  },
  {
    name: 'a field in another case',
    change: { customerid: 'C-1' },
    details: [{ field: 'customerid', message: 'is not a known field; leave it out' }],
  },
  {
    name: 'a field named as what every object has',
    change: { constructor: 'x', toString: 'y' },
    details: ['constructor', 'toString'].map((field) => ({ field, message: 'is not a known field; leave it out' })),
  },
];

export const INTERACTION: BodyTable = {
  path: '/customers/supportInteraction',
  valid: { customerId: 'C-1001' },
  bad: [
    missing('conversationId'),
    missing('customerId'),
    ...COMMON.flatMap(({ bad }) => bad),
    ...UNKNOWN,
    {
      name: "the other request's fields",
      change: { wrapupCode: 'x', direction: 'INBOUND' },
      details: ['wrapupCode', 'direction'].map((field) => ({ field, message: 'is not a known field; leave it out' })),
    },
    severalAtOnce({}, []),
  ],
  good: COMMON.flatMap(({ good }) => good),
};

const WEEK_MS = 604_800_000;

const RESULT_FIELDS: FieldTable[] = [
  enumField('direction', ['INBOUND', 'OUTBOUND']),
  wordsField('wrapupCode', 256),
  textField('wrapupNotes', { min: 0, max: 4000 }),
  duration('wrapupDurationMs'),
  time('endedAt'),
];

export const RESULT: BodyTable = {
  path: '/customers/supportResult',
  valid: { customerId: 'C-1001', wrapupCode: 'solved' },
  bad: [
    missing('conversationId'),
    missing('customerId'),
    missing('wrapupCode'),
    ...[...COMMON, ...RESULT_FIELDS].flatMap(({ bad }) => bad),
    ...UNKNOWN,
    severalAtOnce({ wrapupCode: undefined }, [{ field: 'wrapupCode', message: 'is required' }]),
  ],
  good: [...COMMON, ...RESULT_FIELDS].flatMap(({ good }) => good),
};

function duration(field: string): FieldTable {
  const bad = badOf(field);
  const good = goodOf(field);
  const tooBig = `has the value ${String(WEEK_MS + 1)}; the limit is 604,800,000`;
  return {
    bad: [
      ...wrongTypes(field, 'a number', ['number']),
      bad('below 0', -1, 'has the value -1; the least is 0', -1),
      bad('a fraction', 1.5, 'must be a whole number, not 1.5', 1.5),
      bad('more than a week', WEEK_MS + 1, tooBig, WEEK_MS + 1),
      bad('beyond whole numbers', 2 ** 60, `has the value ${String(2 ** 60)}; the limit is 604,800,000`, 2 ** 60),
    ],
    good: [good('0', 0), good('a week', WEEK_MS)],
  };
}

function time(field: string): FieldTable {
  const bad = badOf(field);
  const good = goodOf(field);
  const wrong = 'must be an ISO 8601 date and time with its zone, such as 2026-01-31T12:00:00Z';
  const wrongTimes = [
    '2026-02-30T00:00:00Z',
    '2026-01-01',
    '2026-01-01T25:00:00Z',
    '2026-01-01T00:00:00',
    'yesterday',
    '',
  ];
  return {
    bad: [
      ...wrongTypes(field, 'a string', ['string']),
      ...wrongTimes.map((value) => bad(`"${value}"`, value, wrong, value)),
      bad('epoch milliseconds as text', '1767225600000', wrong, '1767225600000'),
      bad(
        'far ahead',
        '2999-01-01T00:00:00Z',
        'is 2999-01-01T00:00:00Z, more than 24 hours ahead; give the time at which the work ended',
      ),
    ],
    good: [
      ...['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.123456+02:00', '2024-02-29T23:59:59-11:30'].map((value) =>
        good(value, value),
      ),
      // A clock or a zone may be wrong by hours.
      good('23 hours ahead', new Date(Date.now() + 23 * 3_600_000).toISOString()),
    ],
  };
}

/** The answer names every bad field, not only the first. */
function severalAtOnce(more: Record<string, unknown>, moreDetails: BadBody['details']): BadBody {
  return {
    name: 'several bad fields at once',
    change: {
      conversationId: UUID.slice(2),
      customerId: '',
      agentId: 7,
      channel: 'FAX',
      notes: null,
      attributes: { caseId: 88, ok: 'x' },
      colour: 'red',
      size: 1,
      ...more,
    },
    details: [
      { field: 'conversationId', message: 'must be a UUID', value: UUID.slice(2) },
      { field: 'customerId', message: 'has 0 characters; the least is 1' },
      { field: 'agentId', message: 'must be a string, not a number', value: 7 },
      { field: 'channel', message: 'must be one of CALL, CHAT, EMAIL, MESSAGE, CALLBACK, OTHER', value: 'FAX' },
      { field: 'notes', message: 'must be a string, not null' },
      { field: 'attributes.caseId', message: 'must be a string, not a number', value: 88 },
      ...moreDetails,
      { field: 'colour', message: 'is not a known field; leave it out' },
      { field: 'size', message: 'is not a known field; leave it out' },
    ],
  };
}
