import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { AnswerStart, withAnswer } from '../common/answer-start.js';
import type { SendOutcome } from '../delivery/sink.js';
import { outcomeOf } from './history.answer.js';

/** Only the start of a refusal is used; reading an answer to its end lets the connection be used again. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Why undici is to end a request whose outcome is known. One for all: nobody reads it, and a stack costs. */
const OVER = new Error('the exchange is over');

type Controller = Dispatcher.DispatchController;

/**
 * One request and its answer, as undici tells of them. It tells its outcome once and is deaf afterwards. A handler instead of
 * `request`: that makes a stream, an abort signal and their listeners for an answer of which nothing but the status is used.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  private controller: Controller | undefined;
  private status = 0;
  private retryAfter: string | undefined;
  private bytes = 0;
  /** It announces more than is ever read. */
  private tooLong = false;
  private over = false;
  private readonly start = new AnswerStart();

  /** @param secrets what must not be kept of an answer that echoes it */
  constructor(
    private readonly told: (outcome: SendOutcome) => void,
    private readonly secrets: readonly string[] = [],
  ) {}

  /** Ends it at once, with this outcome; what is on the wire is cut off. */
  giveUp(outcome: SendOutcome): void {
    this.end(outcome);
    this.controller?.abort(OVER);
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller;
    // It was given up while there was no connection yet: nothing is sent.
    if (this.over) controller.abort(OVER);
  }

  onResponseStart(_: Controller, status: number, headers: IncomingHttpHeaders): void {
    // A 1xx announces the answer and is none.
    if (status < 200) return;
    this.status = status;
    this.retryAfter = firstOf(headers['retry-after']);
    this.tooLong = Number(headers['content-length']) > MAX_ANSWER_BYTES;
    if (this.tooLong && !this.isFailure) this.takeStatus();
  }

  onResponseData(_: Controller, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.isFailure) this.start.add(chunk);
    if (this.bytes > MAX_ANSWER_BYTES || (this.tooLong && this.start.full)) this.takeStatus();
  }

  onResponseEnd(): void {
    this.end(this.answered());
  }

  /** Also of an answer that breaks off: it counts as none, even after a 200, for the key makes asking again harmless. */
  onResponseError(_: Controller, error: Error): void {
    this.end(unreachable(error));
  }

  /** Operators are shown how such an answer starts. */
  private get isFailure(): boolean {
    return this.status >= 300;
  }

  /** The rest of the answer is too long to be waited for. */
  private takeStatus(): void {
    this.giveUp(this.answered());
  }

  private answered(): SendOutcome {
    return withAnswer(outcomeOf(this.status, this.retryAfter), () => this.start.text(this.secrets));
  }

  private end(outcome: SendOutcome): void {
    if (this.over) return;
    this.over = true;
    this.told(outcome);
  }
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function unreachable(error: unknown): SendOutcome {
  // The code (ECONNREFUSED, UND_ERR_SOCKET …) says what went wrong; the message may hold addresses only.
  const code = (error as { code?: unknown }).code;
  const reason = typeof code === 'string' ? code : 'connection failed';
  return { kind: 'retry', code: 'history.unreachable', message: `the history service cannot be reached: ${reason}` };
}
