export interface FailOrder {
  status: number;
  /** Requests to fail; absent: until `recover`. */
  count?: number;
  /** Seconds, or an HTTP date, as it shall stand in the header. */
  retryAfter?: number | string;
  delayMs?: number;
  /** Part of the requests that fail, 0 to 1; default all. */
  ratio?: number;
}

/** What happens to one request. */
export type HistoryFault =
  | ({ kind: 'fail' } & FailOrder)
  | { kind: 'reset-after-body' | 'hang' | 'slow-body' | 'endless-body'; store: boolean }
  | { kind: 'redirect'; to: string };

interface Order {
  fault: HistoryFault;
  left: number;
  ratio: number;
}

interface Count {
  count?: number;
  /** Whether the record is kept although the answer does not get through; default: yes for `resetAfterBody`, no for the others. */
  store?: boolean;
}

/** Orders for the next records; the first one that fits is used up first. */
export class HistoryFaults {
  #orders: Order[] = [];

  /** Answers with this status; nothing is kept. */
  fail(order: FailOrder): void {
    this.#orders.push({ fault: { kind: 'fail', ...order }, left: order.count ?? Infinity, ratio: order.ratio ?? 1 });
  }

  /** Reads the whole request, then resets the connection: the client cannot know whether the record was kept. */
  resetAfterBody({ count = Infinity, store = true }: Count = {}): void {
    this.#add({ kind: 'reset-after-body', store }, count);
  }

  /** Never answers. */
  hang({ count = Infinity, store = false }: Count = {}): void {
    this.#add({ kind: 'hang', store }, count);
  }

  /** 200 at once, then a body that comes byte by byte and takes for ever. */
  slowBody({ count = Infinity, store = false }: Count = {}): void {
    this.#add({ kind: 'slow-body', store }, count);
  }

  /** 200 and a body without an end, as fast as it is read. */
  endlessBody({ count = Infinity, store = false }: Count = {}): void {
    this.#add({ kind: 'endless-body', store }, count);
  }

  /** 307 to another address. */
  redirect({ to, count = Infinity }: { to: string; count?: number }): void {
    this.#add({ kind: 'redirect', to }, count);
  }

  /** Ends all of them. */
  recover(): void {
    this.#orders = [];
  }

  take(): HistoryFault | undefined {
    const order = this.#orders.find(({ ratio }) => ratio >= 1 || Math.random() < ratio);
    if (!order) return undefined;
    order.left -= 1;
    if (order.left <= 0) this.#orders = this.#orders.filter((other) => other !== order);
    return order.fault;
  }

  #add(fault: HistoryFault, count: number): void {
    this.#orders.push({ fault, left: count, ratio: 1 });
  }
}
