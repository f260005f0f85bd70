import { styleText } from 'node:util';

/** What the demo shows: one line per step, with the seconds since the start. */
export class Screen {
  private readonly startedAt = performance.now();

  title(text: string): void {
    this.write(`\n${styleText('bold', text)}\n`);
  }

  /** A step of the flow. */
  step(name: string, text: string): void {
    this.line(styleText('green', name.padEnd(13)), text);
  }

  /** Something that goes wrong on purpose. */
  trouble(text: string): void {
    this.line(styleText('red', 'trouble'.padEnd(13)), text);
  }

  /** Numbers of the last second. */
  tally(text: string): void {
    this.line(styleText('dim', 'so far'.padEnd(13)), styleText('dim', text));
  }

  row(name: string, value: number | string, good = true): void {
    this.write(`  ${name.padEnd(34)} ${good ? value : styleText('red', String(value))}`);
  }

  write(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  private line(name: string, text: string): void {
    this.write(`${this.seconds.toFixed(1).padStart(6)} s  ${name} ${text}`);
  }
}
