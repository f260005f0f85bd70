import { z } from 'zod';

/**
 * How this Genesys Cloud behaves; numbers are the real service's, as far as they are known. Everything can be changed while
 * it runs. Where the numbers come from is in docs/wire-facts.md.
 */
export const genesysOptions = z.strictObject({
  clientId: z.string().min(1).default('demo-client'),
  clientSecret: z.string().min(1).default('demo-secret'),
  orgName: z.string().min(1).default('demo-org'),
  /** PEM of the identity provider. Set: the assertion's signature, times and audience are verified. */
  samlCertificate: z.string().optional(),
  /** The audience an assertion must name. Unset: any. */
  samlAudience: z.string().optional(),
  /** 24 h, configurable per OAuth client (docs/wire-facts.md §1.5). */
  tokenLifeS: z.number().positive().default(86_400),
  /** About 30 s (docs/wire-facts.md §3.4). */
  heartbeatMs: z.number().positive().default(30_000),
  /** How long a new subscription takes to spread; events before that are not sent. Up to 5 s at the real service (docs/wire-facts.md §3.4). */
  subscribeDelayMs: z.number().min(0).default(0),
  /** From `socket_closing` to the close: up to a minute (docs/wire-facts.md §3.2d). */
  closingGraceMs: z.number().min(0).default(60_000),
  /** 24 h, extended by subscribing again (docs/wire-facts.md §2.5). */
  channelLifeMs: z
    .number()
    .positive()
    .default(24 * 3_600_000),
  /** Per user and application (docs/wire-facts.md §2.5). */
  maxChannels: z.number().int().positive().default(20),
  /** Per channel (docs/wire-facts.md §2.5). */
  maxTopics: z.number().int().positive().default(1_000),
  /** Per token (docs/wire-facts.md §6.1). */
  requestsPerMinute: z.number().int().positive().default(300),
  /**
   * How far this service's wall clock is from ours, in its events, look-ups and `Date` headers; negative: behind. Time limits
   * go on as they are.
   */
  clockOffsetMs: z.number().int().default(0),
  /** How far GET /conversations/{id} lags behind the events; unknown at the real service (docs/wire-facts.md §8). */
  lookupLagMs: z.number().min(0).default(0),
  analyticsLagMs: z.number().min(0).default(0),
  /** Unknown at the real service; a client batches 100 (docs/wire-facts.md §5.3). */
  analyticsMaxIds: z.number().int().positive().default(100),
  /** Whether POST subscriptions answers all topics or only those of the request: unknown (docs/wire-facts.md §2.2). */
  subscribeAnswer: z.enum(['all', 'added']).default('all'),
  /** Topics refused for want of permission; `*` stands for anything. */
  forbiddenTopics: z.array(z.string()).default([]),
  /** The organisation's wrap-up codes. */
  wrapupCodes: z
    .array(z.strictObject({ id: z.string().min(1), name: z.string().min(1) }))
    .default([{ id: 'f1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf6', name: 'Resolved' }]),
  deleteAnswer: z.union([z.literal(200), z.literal(204)]).default(200),
  /** How the upgrade to a channel that is gone is refused: clients have seen 401, REST says 404 (docs/wire-facts.md §3.1). */
  goneUpgradeStatus: z.union([z.literal(404), z.literal(401)]).default(404),
  /** Whether an evicted channel's socket is told `v2.system.no_longer_subscribed` before it is closed. */
  evictionNotice: z.boolean().default(true),
  /** Whether a channel is gone for REST too once the token that made it is not valid any more; unknown (docs/wire-facts.md §7.8). */
  channelsDieWithToken: z.boolean().default(false),
  /** The tutorial's stream: how long a connection may go without a SubscriptionRequest, "usually a few seconds". */
  directSubscribeWithinMs: z.number().min(0).default(5_000),
  /** Its connections per client id; the tutorial says that there is a limit, and no number. */
  directMaxConnections: z.number().int().min(0).default(20),
});

export type GenesysOptions = z.output<typeof genesysOptions>;
export type GenesysOptionsInput = z.input<typeof genesysOptions>;

/** The changed options. Throws ZodError for an unknown name or a bad value. `undefined` takes an optional one back. */
export function changedOptions(current: GenesysOptions, changes: Partial<GenesysOptionsInput>): GenesysOptions {
  return genesysOptions.parse({ ...current, ...changes });
}
