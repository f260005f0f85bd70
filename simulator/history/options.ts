import { z } from 'zod';

/** How this CommunicationHistory-manager behaves; everything can be changed while it runs. */
export const historyOptions = z.strictObject({
  /** The Bearer token that requests must carry. Unset: none. */
  token: z.string().min(1).optional(),
  /** How a key that is known already is answered. */
  repeatStatus: z.union([z.literal(409), z.literal(200)]).default(409),
});

export type HistoryOptions = z.output<typeof historyOptions>;
export type HistoryOptionsInput = z.input<typeof historyOptions>;
