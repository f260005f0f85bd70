import { z } from 'zod';

/** Conversations that one stream may follow; more are several streams. */
export const MAX_CONVERSATIONS = 50;
/** Entries of the other lists: more than the fields of any event. */
const MAX_NAMES = 50;
/** Bad entries that an error repeats, and characters of each. */
const MAX_SHOWN = 10;
const MAX_SHOWN_LENGTH = 64;

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const EVENT_TYPE = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const FIELD_PATH = /^(?:\*|[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,7})$/;

interface ListRules {
  max: number;
  pattern: RegExp;
  must: string;
  lowerCase?: boolean;
}

/** A list in a query: by commas, by repetition, or both. Twice the same is one. */
function list({ max, pattern, must, lowerCase = false }: ListRules, meta: { description: string; example: string }) {
  return z
    .preprocess(
      (given) => (Array.isArray(given) ? given.join(',') : given),
      z
        .string()
        .optional()
        .transform((text = '') => split(lowerCase ? text.toLowerCase() : text))
        .superRefine((names, context) => {
          const bad = names.filter((name) => !pattern.test(name));
          if (bad.length > 0) context.addIssue(`${must}, not ${shown(bad)}`);
          if (names.length > max) context.addIssue(`names ${names.length}; the limit is ${max}`);
        }),
    )
    .meta({ type: 'string', ...meta });
}

function split(text: string): string[] {
  return [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '');
}

function shown(names: readonly string[]): string {
  const cut = names.slice(0, MAX_SHOWN).map((name) => `"${name.slice(0, MAX_SHOWN_LENGTH)}"`);
  const more = names.length - cut.length;
  return cut.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const PATH_RULES = {
  max: MAX_NAMES,
  pattern: FIELD_PATH,
  must: 'must name fields, such as wrapupCode or message.text',
};

/** Query of `GET /conversations/events`. */
export const followSchema = z.strictObject({
  conversationId: list(
    {
      max: MAX_CONVERSATIONS,
      pattern: GUID,
      must: 'must be UUIDs, such as 4fce4357-7abc-44b9-81e5-64e1e9e0ccf1',
      lowerCase: true,
    },
    {
      description: `Conversations to follow, by comma or repeated; at most ${MAX_CONVERSATIONS}.`,
      example: '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1',
    },
  ),
  eventType: list(
    { max: MAX_NAMES, pattern: EVENT_TYPE, must: 'must name types of events, such as user.end' },
    { description: 'Types of events, by comma or repeated; absent: all.', example: 'user.start,user.end,wrapup' },
  ),
  include: list(PATH_RULES, {
    description: 'Fields beside conversationId, eventType and timestamp, as dotted paths; absent or *: all.',
    example: 'userId,wrapupCode',
  }),
  exclude: list(PATH_RULES, { description: 'Fields that are left out; wins over include.', example: 'ani,dnis' }),
});
export type FollowQuery = z.output<typeof followSchema>;
