import { Logs } from '../telemetry/logs.js';
import { AnnouncedClosings } from './announced-closings.js';
import type { Channel } from './channel.js';

const S = 1_000;
const MINUTE = 60 * S;
const DAY = 24 * 60 * MINUTE;

describe('AnnouncedClosings', () => {
  let now: number;
  let moved: { at: number; channel: Channel }[];
  let closings: AnnouncedClosings;

  const channelOf = (bornAt: number): Channel =>
    ({
      isDraining: false,
      record: {
        get ageMs() {
          return now - bornAt;
        },
      },
    }) as Partial<Channel> as Channel;
  const announce = (channel: Channel): void => closings.announced(channel, now);
  const passUntil = (end: number): void => {
    while (now < end) closings.look((now += S));
  };

  beforeEach(() => {
    now = 0;
    moved = [];
    const logs = Logs.to({ level: 'info', format: 'json' }, { write: () => undefined });
    const handOver = (channel: Channel): void => void moved.push({ at: now, channel });
    closings = new AnnouncedClosings({ handOver, hush: () => undefined }, 50 * S, logs.of('channels'));
  });

  it('hands a channel that has lived calmly over at once, as many as there are', () => {
    for (let count = 0; count < 19; count++) announce(channelOf(-6 * MINUTE));
    expect(moved).toHaveLength(19);
  });

  it('makes few channels for a cluster that closes each socket: less than 10 in two minutes, then one in 40 s or more', () => {
    announce(channelOf(now));
    let told = 0;
    // Whatever has taken over is told that its socket is closed, too.
    for (; now < DAY; passUntil(now + S)) for (; told < moved.length; told++) announce(channelOf(now));
    expect(moved.filter(({ at }) => at <= 2 * MINUTE).length).toBeLessThan(10);
    expect(moved.length).toBeLessThan(DAY / (40 * S));
    const waits = moved.map(({ at }, index) => at - (moved[index - 1]?.at ?? 0));
    // Within the minute that Genesys gives there is always a turn.
    expect(Math.max(...waits)).toBeLessThan(53 * S);
  });

  it('takes repeated announcements for one', () => {
    announce(channelOf(0));
    const second = channelOf(0);
    for (let count = 0; count < 20; count++) announce(second);
    passUntil(MINUTE);
    expect(moved.map(({ channel }) => channel).slice(1)).toEqual([second]);
  });

  it('lets a channel be whose socket was closed before its turn', () => {
    announce(channelOf(0));
    const second = channelOf(0);
    announce(second);
    closings.cameTrue(second);
    passUntil(MINUTE);
    expect(moved).toHaveLength(1);
  });

  it('begins anew after some calm minutes', () => {
    for (let count = 0; count < 6; count++) announce(channelOf(0));
    passUntil(10 * MINUTE);
    expect(moved).toHaveLength(6);
    announce(channelOf(now));
    announce(channelOf(now));
    passUntil(now + 2 * S);
    expect(moved).toHaveLength(8);
  });
});
