import type { z } from 'zod';
import type { SimulatedClock } from '../common/clock.js';
import type { GenesysCloud } from '../genesys/genesys-cloud.js';
import type { CommunicationHistory } from '../history/communication-history.js';

/** What the control API drives. */
export interface Controlled {
  genesys: GenesysCloud;
  history: CommunicationHistory;
  clock: SimulatedClock;
}

export interface Call<Body> {
  body: Body;
  params: Record<string, string>;
  query: Record<string, string | undefined>;
}

/** One line of the control API; GET / lists them all. */
export interface Operation {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  summary: string;
  /** Field names, `?` behind optional ones. */
  fields: string[];
  handle: (controlled: Controlled, call: Call<unknown>) => unknown;
}

type Route = `${Operation['method']} ${string}`;

/** An operation whose body is checked; without a schema it must have none. What it gives is the answer, `undefined` becomes `{}`. */
export function operation<Schema extends z.ZodObject>(
  route: Route,
  summary: string,
  schema: Schema,
  run: (controlled: Controlled, call: Call<z.output<Schema>>) => unknown,
): Operation {
  const [method, path] = route.split(' ') as [Operation['method'], string];
  const fields = Object.entries(schema.shape).map(([name, field]) => (isOptional(field) ? `${name}?` : name));
  const handle = (controlled: Controlled, call: Call<unknown>): unknown =>
    run(controlled, { ...call, body: schema.parse(call.body ?? {}) });
  return { method, path, summary, fields, handle };
}

function isOptional(field: unknown): boolean {
  return (field as z.ZodType).safeParse(undefined).success;
}

/** The newest entries, newest last; `?limit=` at most 10,000. */
export function newest<T>(entries: readonly T[], limit: string | undefined): { total: number; entries: T[] } {
  const count = Math.min(Math.max(Number.parseInt(limit ?? '100', 10) || 100, 1), 10_000);
  return { total: entries.length, entries: entries.slice(-count) };
}
