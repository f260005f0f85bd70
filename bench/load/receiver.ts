import { createServer, type Server, type Socket } from 'node:net';
import { listening } from './listening.js';

/** `hang` takes requests and never answers. */
export type ReceiverMode = 'answer' | 'refuse' | 'hang';

const TAKEN = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
const REFUSED = 'HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
const MARK = '"conversationId":"';
const BODY_LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * CommunicationHistory-manager, or whoever takes callbacks, as far as a load generator needs it: reads POSTs and answers
 * them, straight on the socket. An HTTP server with a parser for everything would cost more than the client whose cost is
 * to be measured.
 */
export class Receiver {
  mode: ReceiverMode = 'answer';
  /** Records that were taken. */
  taken = 0;
  readonly #server: Server;

  /** @param onRecord told of each record that is taken, with its conversation's id; the answer has been written */
  constructor(private readonly onRecord: (conversationId: string) => void) {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  async start(): Promise<string> {
    return `http://127.0.0.1:${await listening(this.#server)}/communication-history/records`;
  }

  #serve(socket: Socket): void {
    let pending = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      pending = this.#read(socket, pending === '' ? chunk : pending + chunk);
    });
  }

  /** Answers the whole requests in `text`; returns what is left of it. */
  #read(socket: Socket, text: string): string {
    let from = 0;
    for (;;) {
      const headEnd = text.indexOf('\r\n\r\n', from);
      if (headEnd === -1) return text.slice(from);
      const length = Number(BODY_LENGTH.exec(text.slice(from, headEnd))?.[1] ?? 0);
      const bodyEnd = headEnd + 4 + length;
      if (text.length < bodyEnd) return text.slice(from);
      this.#answer(socket, text, headEnd);
      from = bodyEnd;
    }
  }

  #answer(socket: Socket, text: string, headEnd: number): void {
    if (this.mode === 'hang') return;
    if (this.mode === 'refuse') {
      socket.write(REFUSED);
      return;
    }
    socket.write(TAKEN);
    this.taken += 1;
    const at = text.indexOf(MARK, headEnd) + MARK.length;
    this.onRecord(text.slice(at, at + 36));
  }
}
