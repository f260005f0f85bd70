import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appendBounded, setBounded } from '../common/bounded-log.js';
import type { SimulatedClock } from '../common/clock.js';
import { acceptJson, dropConnection, listen, makeServer } from '../common/http-server.js';
import { Observable } from '../common/observable.js';
import { drip, flood } from './bad-answers.js';
import { HistoryFaults, type FailOrder, type HistoryFault } from './history-faults.js';
import { historyOptions, type HistoryOptions, type HistoryOptionsInput } from './options.js';

/** One POST as it arrived. `status` 0: no answer went out. */
export interface ReceivedRecord {
  at: number;
  key: string | undefined;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
  status: number;
  /** The key was known already. */
  repeat: boolean;
}

/** The same key came with another body: the client broke its promise. */
export interface Conflict {
  at: number;
  key: string;
  first: unknown;
  second: unknown;
}

export type HistoryEvents = {
  /** A POST has come and nothing was done yet. */
  arrived: ReceivedRecord;
  /** It was dealt with: answered, or left without an answer. */
  received: ReceivedRecord;
  record: { key: string; body: unknown };
  conflict: Conflict;
};

const PATH = '/communication-history/records';
/** Keys must be remembered, or repeats would count as new; a million UUIDs and small bodies are some 500 MB. */
const RECORDS_KEPT = 1_000_000;

/** CommunicationHistory-manager: keeps one record a key, whatever happens to the answers. */
export class CommunicationHistory extends Observable<HistoryEvents> {
  /** Every POST, the newest 200,000. */
  readonly received: ReceivedRecord[] = [];
  /** What is kept, by key. */
  readonly records = new Map<string, unknown>();
  readonly conflicts: Conflict[] = [];
  readonly faults = new HistoryFaults();
  #options: HistoryOptions;
  readonly #texts = new Map<string, string>();
  readonly #server: FastifyInstance = makeServer();
  readonly #ending = new AbortController();

  constructor(
    private readonly clock: SimulatedClock,
    options: Partial<HistoryOptionsInput> = {},
  ) {
    super();
    this.#options = historyOptions.parse(options);
    acceptJson(this.#server);
    this.#server.post(PATH, (request, reply) => this.#receive(request, reply));
    this.#server.get(PATH, async () => ({
      total: this.records.size,
      records: [...this.records.values()].slice(-1000),
    }));
  }

  get options(): HistoryOptions {
    return this.#options;
  }

  /** Changes options while it runs. Throws ZodError; then nothing has changed. */
  configure(changes: Partial<HistoryOptionsInput>): HistoryOptions {
    this.#options = historyOptions.parse({ ...this.#options, ...changes });
    return this.#options;
  }

  /** POSTs whose key was known already. */
  get repeats(): number {
    return this.received.filter((entry) => entry.repeat).length;
  }

  fail(order: FailOrder): void {
    this.faults.fail(order);
  }

  /** Ends all faults. */
  recover(): void {
    this.faults.recover();
  }

  async start(host: string, port: number, publicHost: string): Promise<string> {
    return `${await listen(this.#server, host, port, publicHost)}${PATH}`;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#server.close();
    this.endObservation('The simulator was stopped.');
  }

  reset(): void {
    this.recover();
    this.received.length = 0;
    this.conflicts.length = 0;
    this.records.clear();
    this.#texts.clear();
  }

  async #receive(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const key = request.headers['idempotency-key'];
    const { headers, body } = request;
    const entry: ReceivedRecord = {
      at: this.clock.now(),
      key: typeof key === 'string' ? key : undefined,
      headers,
      body,
      status: 0,
      repeat: false,
    };
    const fault = this.faults.take();
    entry.repeat = entry.key !== undefined && this.#texts.has(entry.key);
    appendBounded(this.received, entry);
    this.announce('arrived', entry);
    const answer = fault ? await this.#fail(fault, entry, request, reply) : this.#keep(entry, request.rawText, reply);
    this.announce('received', entry);
    return answer;
  }

  /** What a sound service does. */
  #keep(entry: ReceivedRecord, text: string, reply: FastifyReply): unknown {
    const { token, repeatStatus } = this.#options;
    const answer = (status: number, body: unknown): unknown => {
      entry.status = status;
      return reply.status(status).send(body);
    };
    if (token !== undefined && entry.headers.authorization !== `Bearer ${token}`)
      return answer(401, { error: 'The token is missing or wrong.' });
    if (!entry.key) return answer(400, { error: 'The header Idempotency-Key is missing.' });
    if (typeof entry.body !== 'object' || entry.body === null) return answer(422, { error: 'The body is no object.' });
    return this.#store(entry.key, entry.body, text)
      ? answer(201, { id: entry.key })
      : answer(repeatStatus, { id: entry.key, repeat: true });
  }

  /** Whether the record is new. */
  #store(key: string, body: unknown, text: string): boolean {
    const first = this.#texts.get(key);
    if (first === undefined) {
      setBounded(this.#texts, key, text, RECORDS_KEPT);
      setBounded(this.records, key, body, RECORDS_KEPT);
      this.announce('record', { key, body });
      return true;
    }
    if (first !== text && !isDeepStrictEqual(this.records.get(key), body)) {
      const conflict = { at: this.clock.now(), key, first: this.records.get(key), second: body };
      appendBounded(this.conflicts, conflict);
      this.announce('conflict', conflict);
    }
    return false;
  }

  async #fail(
    fault: HistoryFault,
    entry: ReceivedRecord,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    if (fault.kind === 'redirect') {
      entry.status = 307;
      return reply.redirect(fault.to, 307);
    }
    if (fault.kind === 'fail') {
      if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { signal: this.#ending.signal });
      if (fault.retryAfter !== undefined) reply.header('retry-after', String(fault.retryAfter));
      entry.status = fault.status;
      return reply.status(fault.status).send({ error: `Told to answer ${fault.status}.` });
    }
    if (fault.store && entry.key !== undefined) this.#store(entry.key, entry.body, request.rawText);
    reply.hijack();
    if (fault.kind === 'reset-after-body') dropConnection(request);
    else if (fault.kind === 'slow-body') drip(reply.raw);
    else if (fault.kind === 'endless-body') flood(reply.raw);
    return reply;
  }
}
