/** Several values of one filter; its own class, so that it cannot be taken for a value. */
class Several<T> extends Set<T> {}

type Slot<T> = T | Several<T>;

/**
 * Which subscriptions an event's tag reaches. A tag of d parts asks at most d + 1 times (`*`, every beginning and `.*`,
 * the tag itself), however many subscriptions there are.
 *
 * Filters and tags must have passed `checkFilter` and `checkTag`. Most filters have one subscriber (a conversation, a
 * contact), so one value is kept as it is and only a second one costs a set.
 */
export class FilterIndex<T> {
  readonly #exact = new Map<string, Slot<T>>();
  /** By what stands before the star: `ors.` for `ors.*`, the empty text for `*`. */
  readonly #wildcards = new Map<string, Slot<T>>();
  /** How many wildcard filters end after that many dots, so that depths without any are not asked for. */
  readonly #wildcardsAtDepth: number[] = [];
  #size = 0;

  /** How many pairs of filter and value there are. */
  get size(): number {
    return this.#size;
  }

  /** @returns false when the filter has that value already */
  add(filter: string, value: T): boolean {
    const [slots, key] = this.#placeOf(filter);
    const slot = slots.get(key);
    if (slot === undefined) {
      slots.set(key, value);
      if (slots === this.#wildcards) this.#countWildcard(key, 1);
    } else if (slot instanceof Several) {
      if (slot.has(value)) return false;
      slot.add(value);
    } else {
      if (slot === value) return false;
      slots.set(key, new Several<T>([slot, value]));
    }
    this.#size += 1;
    return true;
  }

  /** @returns false when the filter does not have that value */
  remove(filter: string, value: T): boolean {
    const [slots, key] = this.#placeOf(filter);
    const slot = slots.get(key);
    if (slot instanceof Several) {
      if (!slot.delete(value)) return false;
      if (slot.size === 1) for (const last of slot) slots.set(key, last);
    } else {
      if (slot === undefined || slot !== value) return false;
      slots.delete(key);
      if (slots === this.#wildcards) this.#countWildcard(key, -1);
    }
    this.#size -= 1;
    return true;
  }

  /** Values of all filters that match the tag, `*` first, the tag itself last. A value of two such filters comes twice. */
  match(tag: string): T[] {
    const found: T[] = [];
    this.#visit(tag, (slot) => {
      collect(slot, found);
      return false;
    });
    return found;
  }

  /** Whether any filter matches the tag: as quick with a million values behind it as with one. */
  has(tag: string): boolean {
    return this.#visit(tag, () => true);
  }

  /** The values of each filter that matches, in the order in which they were added. */
  valuesOf(tag: string): Iterable<T>[] {
    const found: Iterable<T>[] = [];
    this.#visit(tag, (slot) => {
      found.push(slot instanceof Several ? slot : [slot]);
      return false;
    });
    return found;
  }

  /** What stands behind each filter that matches, until `visit` has had enough; returns whether it had. */
  #visit(tag: string, visit: (slot: Slot<T>) => boolean): boolean {
    let depth = 0;
    let begin = 0;
    while (depth < this.#wildcardsAtDepth.length) {
      const wildcard = this.#wildcardsAtDepth[depth] === 0 ? undefined : this.#wildcards.get(tag.slice(0, begin));
      if (wildcard !== undefined && visit(wildcard)) return true;
      const dot = tag.indexOf('.', begin);
      if (dot === -1) break;
      begin = dot + 1;
      depth += 1;
    }
    const exact = this.#exact.get(tag);
    return exact !== undefined && visit(exact);
  }

  #placeOf(filter: string): [Map<string, Slot<T>>, string] {
    return filter.endsWith('*') ? [this.#wildcards, filter.slice(0, -1)] : [this.#exact, filter];
  }

  #countWildcard(key: string, change: 1 | -1): void {
    const depth = key.split('.').length - 1;
    for (let at = this.#wildcardsAtDepth.length; at <= depth; at += 1) this.#wildcardsAtDepth.push(0);
    this.#wildcardsAtDepth[depth] = (this.#wildcardsAtDepth[depth] ?? 0) + change;
    while (this.#wildcardsAtDepth.at(-1) === 0) this.#wildcardsAtDepth.pop();
  }
}

function collect<T>(slot: Slot<T>, found: T[]): void {
  if (slot instanceof Several) for (const value of slot) found.push(value);
  else found.push(slot);
}
