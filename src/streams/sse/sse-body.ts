import { Readable } from 'node:stream';

export interface BufferLimits {
  events: number;
  bytes: number;
}

/** What may wait for a reader that is slower than the events: 1,000 events or 1 MiB. */
export const BUFFER_LIMITS: BufferLimits = { events: 1_000, bytes: 1024 * 1024 };

/** The body of a stream: texts go in as they come and out as the reader takes them, with a bounded queue in between. */
export class SseBody extends Readable {
  private readonly queue: string[] = [];
  private queuedBytes = 0;
  private wanted = false;
  private finished = false;

  constructor(private readonly limits: BufferLimits = BUFFER_LIMITS) {
    super();
  }

  /** Nothing waits for the reader. */
  get isDrained(): boolean {
    return this.queue.length === 0;
  }

  /** Adds a text; false when too much would wait: then it was not added. */
  offer(text: string): boolean {
    if (this.finished) return true;
    const bytes = Buffer.byteLength(text);
    if (this.queue.length >= this.limits.events || this.queuedBytes + bytes > this.limits.bytes) return false;
    this.enqueue(text, bytes);
    return true;
  }

  /** Ends the body behind this last text. What still waits is dropped when the reader could not keep up. */
  finish(last: string, { dropQueue = false } = {}): void {
    if (this.finished) return;
    this.finished = true;
    if (dropQueue) {
      this.queue.length = 0;
      this.queuedBytes = 0;
    }
    this.enqueue(last, Buffer.byteLength(last));
  }

  override _read(): void {
    this.wanted = true;
    this.flush();
  }

  private enqueue(text: string, bytes: number): void {
    this.queue.push(text);
    this.queuedBytes += bytes;
    this.flush();
  }

  private flush(): void {
    while (this.wanted && this.queue.length > 0) {
      const text = this.queue.shift() as string;
      this.queuedBytes -= Buffer.byteLength(text);
      this.wanted = this.push(text);
    }
    if (this.finished && this.queue.length === 0 && !this.readableEnded) this.push(null);
  }
}
