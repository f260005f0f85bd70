import { withoutSecrets } from './mask.js';
import { readingOf, tracesOf, withoutCutEscape } from './spelling.js';

/** How much of a receiver's answer is kept: enough for a reason, and no more than a page of a screen. */
const KEPT_BYTES = 2 * 1024;
/** More is read than kept, so that a secret at the end of it is known whole. */
const READ_BYTES = 2 * KEPT_BYTES;
/** A shorter piece of a secret at the very end gives nothing away. */
const TELLING = 4;

/** Collects the start of an answer's body, for operators. */
export class AnswerStart {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  add(chunk: Buffer): void {
    const room = READ_BYTES - this.bytes;
    if (room <= 0) return;
    this.chunks.push(chunk.subarray(0, room));
    this.bytes += Math.min(room, chunk.length);
  }

  /** Whether as much is there as is ever used. */
  get full(): boolean {
    return this.bytes === READ_BYTES;
  }

  get empty(): boolean {
    return this.bytes === 0;
  }

  /** At most 2 KiB, without secrets and without U+0000, which PostgreSQL cannot store; undefined when there is nothing. */
  text(secrets: readonly string[]): string | undefined {
    const read = decoded(Buffer.concat(this.chunks)).replaceAll('\u0000', '');
    const whole = this.bytes < READ_BYTES ? read : withoutBrokenSecret(read, secrets);
    const kept = decoded(Buffer.from(withoutSecrets(whole, secrets)).subarray(0, KEPT_BYTES));
    return kept === '' ? undefined : kept;
  }
}

/**
 * A failure with the start of the answer that told of it, for the dead letter that it may become; every other outcome as it
 * is. @param start asked only then
 */
export function withAnswer<T extends { kind: string }>(outcome: T, start: () => string | undefined): T {
  if (outcome.kind !== 'refused' && outcome.kind !== 'retry') return outcome;
  const answer = start();
  return answer === undefined ? outcome : { ...outcome, answer };
}

/** As UTF-8; a character that is cut off at the end is left out. */
function decoded(bytes: Buffer): string {
  return new TextDecoder().decode(bytes, { stream: true });
}

/** Without the beginning of a secret that is cut off at the end. */
function withoutBrokenSecret(text: string, secrets: readonly string[]): string {
  const whole = withoutCutEscape(text);
  const { text: meant, from } = readingOf(whole);
  const begun = Math.max(0, ...tracesOf(secrets).map((trace) => lengthBegun(meant, trace)));
  return begun === 0 ? whole : whole.slice(0, from[meant.length - begun]);
}

/** How much of `trace` stands at the end of `text`, cut off; 0 when it is none, or tells nothing. */
function lengthBegun(text: string, trace: string): number {
  for (let length = trace.length - 1; length >= TELLING; length--) {
    if (text.endsWith(trace.slice(0, length))) return length;
  }
  return 0;
}
