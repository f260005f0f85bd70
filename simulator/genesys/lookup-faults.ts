/** How look-ups that ask for one conversation go wrong, alone or together with others, until it is taken back. */
export interface LookupFault {
  conversationId: string;
  /** Answered instead; an answer of 200 has a body that is broken off, so no JSON. Default 200. */
  status?: number;
  /** Comes before the answer. */
  delayMs?: number;
  /** Which look-up; default both. */
  view?: 'analytics' | 'single';
}

/** Orders about conversations, not about requests: the same content spoils whatever asks for it. */
export class LookupFaults {
  readonly #faults = new Map<string, LookupFault>();

  /** One order for each conversation; a later one replaces it. */
  spoilLookups(fault: LookupFault): void {
    this.#faults.set(fault.conversationId, fault);
  }

  clear(): void {
    this.#faults.clear();
  }

  /** The order about the first of these conversations that has one. */
  of(conversationIds: readonly string[], view: 'analytics' | 'single'): LookupFault | undefined {
    for (const id of conversationIds) {
      const fault = this.#faults.get(id);
      if (fault && (fault.view === undefined || fault.view === view)) return fault;
    }
    return undefined;
  }
}
