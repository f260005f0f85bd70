import { z } from 'zod';

/** The channel on which Genesys Mobile Services' clients hear pushes (its sample clients subscribe to nothing else). */
export const GENESYS_CHANNEL = '/_genesys';

export const CONNECTION_TYPES = ['websocket', 'long-polling'] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

const id = z.union([z.string().max(64), z.number()]);
const name = z.string().max(256);

/** What is read of a message; the rest is left alone, as extensions of a client may add anything. */
const message = z.object({
  channel: name,
  id: id.optional(),
  clientId: z.string().max(64).optional(),
  subscription: z.union([name, z.array(name).min(1).max(100)]).optional(),
  supportedConnectionTypes: z.array(name).max(20).optional(),
  advice: z.object({ timeout: z.number().min(0).optional() }).nullish(),
  ext: z.record(z.string(), z.unknown()).nullish(),
});
export type BayeuxMessage = z.infer<typeof message>;

/** One message or several, as several. */
export const bayeuxMessages = z.preprocess(
  (body): unknown[] => (Array.isArray(body) ? body : [body]),
  z.array(message).min(1).max(100),
);

export interface Advice {
  reconnect: 'retry' | 'handshake' | 'none';
  interval?: number;
  timeout?: number;
  maxInterval?: number;
}

export interface Reply {
  channel: string;
  id?: string | number;
  successful: boolean;
  clientId?: string;
  version?: string;
  supportedConnectionTypes?: readonly string[];
  subscription?: string | string[];
  /** `code:arguments:text` (Bayeux protocol 1.0, "error"). */
  error?: string;
  advice?: Advice;
  ext?: Record<string, unknown>;
}

/** A push on its way to a client. */
export interface Publication {
  channel: typeof GENESYS_CHANNEL;
  data: unknown;
}

export type Outgoing = Reply | Publication;

/** What goes back for one message. */
export interface Answer {
  messages: readonly Outgoing[];
  /** To be told whether all of it was handed to the network. */
  written?: (whole: boolean) => void;
}

export function succeed({ channel, id }: BayeuxMessage, more: Partial<Reply> = {}): Reply {
  return { channel, ...(id === undefined ? {} : { id }), successful: true, ...more };
}

/** @param error `code:arguments:text` */
export function refuse(request: BayeuxMessage, error: string, more: Partial<Reply> = {}): Reply {
  return { ...succeed(request, more), successful: false, error };
}
