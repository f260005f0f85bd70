/** Texts that are remembered; the repositories have a few dozen, and texts that vary without end must not be kept. */
const MAX_TEXTS = 300;

/**
 * Names for the texts of statements that come again: PostgreSQL keeps a named statement parsed, and planned after five
 * times, which costs it more than carrying out most of them.
 */
export class StatementNames {
  private readonly names = new Map<string, string | undefined>();
  private given = 0;

  /** Undefined for a text that is new, since it may be the only time, and for one too many. */
  nameOf(text: string): string | undefined {
    const name = this.names.get(text);
    if (name !== undefined) return name;
    if (this.names.has(text)) this.names.set(text, `gateway_${++this.given}`);
    else if (this.names.size < MAX_TEXTS) this.names.set(text, undefined);
    return this.names.get(text);
  }
}
