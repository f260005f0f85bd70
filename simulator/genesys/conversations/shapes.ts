/** The look-ups. */
export type View = 'analytics' | 'single';

/** Content of one conversation that makes its look-ups hard to read. Each part may be combined with the others. */
export interface Shape {
  /** A null at the head of every list: participants, sessions, segments, metrics, communications. */
  nulls?: boolean;
  /** Beside the right participants some that are none, and one whose fields have other types than documented. */
  wrongTypes?: boolean;
  /** So many bytes more: metrics in analytics, participant data in the single look-up. */
  paddingBytes?: number;
  /** Which look-up answers so; default both. */
  view?: View;
}

type Json = Record<string, unknown>;

/** A metric as text, some 80 bytes; as many as the padding needs. */
const METRIC = { name: 'nConnected', value: 1, emitDate: '2026-01-01T00:00:00.000Z' };
const METRIC_BYTES = JSON.stringify(METRIC).length + 1;

/** What a look-up answers for a conversation of this shape. */
export function misshapen(view: Json, { nulls, wrongTypes, paddingBytes }: Shape, kind: View): Json {
  let shaped = view;
  if (paddingBytes !== undefined) shaped = padded(shaped, paddingBytes, kind);
  if (wrongTypes) shaped = { ...shaped, participants: [7, 'agent', [], strange, ...participantsOf(shaped)] };
  return nulls ? (withNulls(shaped) as Json) : shaped;
}

/** Every field that readers look at, with another type. */
const strange = {
  id: 5,
  participantId: {},
  purpose: 'agent',
  userId: ['u'],
  ani: 1,
  sessions: { 0: 'none' },
  calls: 'none',
  wrapup: 'code',
};

function participantsOf(view: Json): Json[] {
  return view['participants'] as Json[];
}

function padded(view: Json, bytes: number, kind: View): Json {
  const [customer, ...others] = participantsOf(view);
  if (kind === 'single') {
    return { ...view, participants: [{ ...customer, attributes: { transcript: 'x'.repeat(bytes) } }, ...others] };
  }
  const [session, ...more] = customer?.['sessions'] as Json[];
  const metrics = Array<object>(Math.ceil(bytes / METRIC_BYTES)).fill(METRIC);
  return { ...view, participants: [{ ...customer, sessions: [{ ...session, metrics }, ...more] }, ...others] };
}

function withNulls(value: unknown): unknown {
  if (Array.isArray(value)) return [null, ...value.map(withNulls)];
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withNulls(each)]));
}
