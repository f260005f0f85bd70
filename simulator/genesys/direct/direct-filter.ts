import { z } from 'zod';

const names = z.array(z.string().max(200)).max(200);
const oneOrMore = z.union([z.string(), z.array(z.string())]);

/** What the tutorial sends right after the connection is open. */
export const subscriptionRequest = z.object({
  type: z.literal('SubscriptionRequest'),
  topics: z
    .array(
      z.object({
        type: z.literal('ConversationEvent'),
        filter: z
          .object({
            conversationId: oneOrMore.optional(),
            eventType: oneOrMore.optional(),
            include: names.optional(),
            exclude: names.optional(),
          })
          .default({}),
      }),
    )
    .min(1)
    .max(200),
});

export type DirectFilter = z.output<typeof subscriptionRequest>['topics'][number]['filter'];

export interface DirectPayload extends Record<string, unknown> {
  conversationId: string;
  eventType: string;
  timestamp: string;
}

/** What a filter lets through of a payload: the tutorial's fields by name, `*` for all; undefined: nothing. */
export function filtered(payload: DirectPayload, filter: DirectFilter): Record<string, unknown> | undefined {
  const { conversationId, eventType, include = ['*'], exclude = [] } = filter;
  if (!isNamed(conversationId, payload.conversationId) || !isNamed(eventType, payload.eventType)) return undefined;
  // "statusChanged" among the excluded: "Ignore status changes if not needed".
  if (exclude.some((name) => name.toLowerCase() === payload.eventType.toLowerCase())) return undefined;
  const included = include.includes('*') ? payload : copyPaths(payload, include);
  const result = structuredClone<Record<string, unknown>>(included);
  for (const path of exclude) removePath(result, path.split('.'));
  return result;
}

function isNamed(wanted: string | string[] | undefined, value: string): boolean {
  return wanted === undefined || [wanted].flat().includes(value);
}

function copyPaths(payload: Record<string, unknown>, paths: readonly string[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const path of paths) {
    const [first = '', ...rest] = path.split('.');
    if (!Object.hasOwn(payload, first)) continue;
    const value = payload[first];
    if (rest.length === 0 || typeof value !== 'object' || value === null) result[first] = value;
    else {
      const inner = copyPaths(value as Record<string, unknown>, [rest.join('.')]);
      result[first] = { ...(result[first] as object | undefined), ...inner };
    }
  }
  return result;
}

function removePath(value: unknown, [first = '', ...rest]: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (rest.length === 0) delete (value as Record<string, unknown>)[first];
  else removePath((value as Record<string, unknown>)[first], rest);
}
