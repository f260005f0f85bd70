import type { Answer, Outgoing, Reply } from './bayeux.js';
import { DEFAULT_COMET_LIMITS } from './comet-limits.js';
import type { CometLimits } from './comet-limits.js';
import { CometSession } from './comet-session.js';
import type { CometLink } from './comet-session.js';

const REPLY: Reply = { channel: '/meta/connect', successful: true };

/** A WebSocket whose writes end when the test says so. */
class Link implements CometLink {
  readonly pushed: { data: unknown; written: (whole: boolean) => void }[] = [];
  readonly closed: string[] = [];

  push(messages: readonly Outgoing[], written: (whole: boolean) => void): void {
    this.pushed.push({ data: dataOf({ messages })[0], written });
  }

  close(reason: string): void {
    this.closed.push(reason);
  }
}

const poll = (): CometLink => ({ close: () => undefined });

function dataOf({ messages }: Answer): unknown[] {
  return messages.flatMap((message) => ('data' in message ? [message.data] : []));
}

describe('CometSession', () => {
  const open: CometSession[] = [];
  afterEach(() => {
    for (const session of open.splice(0)) session.close('client');
  });

  function make(limits: Partial<CometLimits> = {}, acknowledges = false): CometSession {
    const session = new CometSession(
      'id',
      'alice',
      { name: 'bofe', byHandshake: false, hearsOwnEvents: false },
      acknowledges,
      { ...DEFAULT_COMET_LIMITS, ...limits },
      { reachability: () => undefined, closed: () => undefined },
    );
    session.subscribe(true);
    open.push(session);
    return session;
  }

  /** Offers one message of 10 bytes and notes what became of it. */
  function offer(session: CometSession, data: unknown): { given: boolean | undefined } {
    const result: { given: boolean | undefined } = { given: undefined };
    session.offer({
      message: { channel: '/_genesys', data },
      bytes: 10,
      settle: (given) => {
        result.given = given;
      },
    });
    return result;
  }

  it('sends again what the network did not take: on a long poll', async () => {
    const session = make();
    void session.connect(REPLY, poll(), undefined, 0);
    const result = offer(session, 'x');
    const lost = await session.connect(REPLY, poll(), undefined, 1000);
    expect(dataOf(lost)).toEqual(['x']);
    lost.written?.(false);
    expect(result.given).toBeUndefined();
    const taken = await session.connect(REPLY, poll(), undefined, 1000);
    expect(dataOf(taken)).toEqual(['x']);
    taken.written?.(true);
    expect(result.given).toBe(true);
    expect(dataOf(await session.connect(REPLY, poll(), undefined, 0))).toEqual([]);
  });

  it('sends again what the network did not take: on the next socket', async () => {
    const session = make();
    const [first, second] = [new Link(), new Link()];
    void session.connect(REPLY, first, undefined, 1000);
    const result = offer(session, 'x');
    expect(first.pushed.map(({ data }) => data)).toEqual(['x']);
    session.lost(first);
    first.pushed[0]?.written(false);
    expect(result.given).toBeUndefined();
    const answer = await session.connect(REPLY, second, undefined, 1000);
    expect(dataOf(answer)).toEqual(['x']);
    answer.written?.(true);
    expect(result.given).toBe(true);
  });

  it('closes the connection that another one takes over, and ignores its end', () => {
    const session = make();
    const [first, second] = [new Link(), new Link()];
    void session.connect(REPLY, first, undefined, 1000);
    void session.connect(REPLY, second, undefined, 1000);
    expect(first.closed).toHaveLength(1);
    session.lost(first);
    expect(session.reachable).toBe(true);
    session.lost(second);
    expect(session.reachable).toBe(false);
  });

  it('believes no acknowledgement of what it has not sent', async () => {
    const session = make({}, true);
    await session.connect(REPLY, new Link(), undefined, 0);
    const result = offer(session, 'x');
    const answer = await session.connect(REPLY, new Link(), 1_000_000, 1000);
    expect(dataOf(answer)).toEqual(['x']);
    expect(result.given).toBeUndefined();
  });

  it('counts bytes as well as messages, and ends when its client takes nothing', async () => {
    const session = make({ queueBytes: 25 });
    await session.connect(REPLY, poll(), undefined, 0);
    const results = [1, 2, 3].map((n) => offer(session, n));
    expect(results.map(({ given }) => given)).toEqual([false, false, false]);
    expect(offer(session, 4).given).toBe(false);
    expect(session.reachable).toBe(false);
  });
});
