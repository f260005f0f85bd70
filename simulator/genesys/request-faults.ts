/** What happens to one of the next requests. */
export interface RequestFault {
  /** Answered instead of doing it; absent: it is done after the delay. */
  status?: number;
  retryAfterS?: number;
  delayMs?: number;
  /** `true` or `before`: the connection ends, nothing was done. `after`: it was done, the answer is lost. */
  dropConnection?: boolean | 'before' | 'after';
}

interface Order extends RequestFault {
  left: number;
  method?: string;
  path?: string;
}

export interface FailRequests extends RequestFault {
  count?: number;
  method?: string;
  /** Part of the path with its query. Absent: every API request, but not those for tokens. */
  path?: string;
}

/** Orders for the next HTTP requests; the first one that fits is used up first. */
export class RequestFaults {
  #orders: Order[] = [];

  /** The next `count` requests fail as described. */
  failRequests({ count = 1, ...order }: FailRequests): void {
    this.#orders.push({ ...order, left: count });
  }

  /** The next `count` requests get 429 with this Retry-After. */
  rateLimit({ count = 1, retryAfterS = 1, path }: { count?: number; retryAfterS?: number; path?: string } = {}): void {
    this.#orders.push({ left: count, status: 429, retryAfterS, ...(path !== undefined && { path }) });
  }

  takeRequestFault(method: string, path: string): RequestFault | undefined {
    const order = this.#orders.find(
      (candidate) =>
        (candidate.method === undefined || candidate.method.toUpperCase() === method) &&
        (candidate.path === undefined ? !path.startsWith('/oauth/') : path.includes(candidate.path)),
    );
    if (!order) return undefined;
    order.left -= 1;
    if (order.left <= 0) this.#orders = this.#orders.filter((other) => other !== order);
    return order;
  }

  protected clearRequestFaults(): void {
    this.#orders = [];
  }
}
