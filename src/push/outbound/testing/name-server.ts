import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
const TYPES: Readonly<Record<number, 4 | 6>> = { 1: 4, 28: 6 };
const NO_SUCH_NAME = 3;

/** A name server on UDP (RFC 1035) that knows addresses, silence and nothing else. */
export class NameServer {
  readonly questions: string[] = [];

  private constructor(
    private readonly socket: Socket,
    private readonly names: Readonly<Record<string, Readonly<Partial<Record<4 | 6, readonly number[][]>>> | 'silent'>>,
  ) {
    socket.on('message', (question, { port, address }) => {
      const answer = this.answer(question);
      if (answer !== undefined) socket.send(answer, port, address);
    });
  }

  /** @param names addresses as bytes, by family */
  static async listen(names: NameServer['names']): Promise<NameServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(socket, names);
  }

  get address(): string {
    return `127.0.0.1:${String(this.socket.address().port)}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }

  private answer(question: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const end = at + 5;
    const name = labels.join('.').toLowerCase();
    const type = question.readUInt16BE(at + 1);
    this.questions.push(`${name} ${String(type)}`);
    const known = this.names[name];
    if (known === 'silent') return undefined;
    const family = TYPES[type];
    const addresses = (family === undefined ? undefined : known?.[family]) ?? [];
    const header = Buffer.from(question.subarray(0, HEADER_BYTES));
    header.writeUInt16BE(0x8180 | (known === undefined ? NO_SUCH_NAME : 0), 2);
    header.writeUInt16BE(addresses.length, 6);
    header.fill(0, 8);
    const records = addresses.map((bytes) =>
      // The name is that of the question; class IN, a life of 0 s.
      Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]),
    );
    return Buffer.concat([header, question.subarray(HEADER_BYTES, end), ...records]);
  }
}
