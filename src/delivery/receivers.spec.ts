import type { DeliveryRow } from '../storage/schema.js';
import { Logs } from '../telemetry/logs.js';
import { Receivers } from './receivers.js';
import type { SendOutcome, Sink } from './sink.js';

const MINUTE = 60_000;
const DOWN: SendOutcome = {
  kind: 'retry',
  code: 'push.unreachable',
  message: 'the receiver cannot be reached: ENOTFOUND',
};
const SENT: SendOutcome = { kind: 'delivered', status: 200 };

interface Line {
  level: string;
  msg: string;
  destination?: string;
}

function watched(more: Partial<Sink> = { perDestination: 2 }) {
  const lines: Line[] = [];
  const logs = Logs.to(
    { level: 'info', format: 'json' },
    { write: (line) => void lines.push(JSON.parse(line) as Line) },
  );
  const clock = { ms: 0 };
  const about = ({ destination }: DeliveryRow) => ({ destination: destination ?? '' });
  const sink = { name: 'push', about, ...more } as Sink;
  const receivers = new Receivers(sink, logs.of('delivery'), 10 * MINUTE, () => clock.ms);
  const note = (destination: string, outcome: SendOutcome): void =>
    receivers.note({ id: 'd', destination } as DeliveryRow, outcome, undefined);
  return { lines, clock, receivers, note };
}

describe('Receivers', () => {
  it('names the destination that begins to fail, and that works again', () => {
    const { lines, receivers, note } = watched();
    note('https://one.test', DOWN);
    note('https://two.test', SENT);
    note('https://one.test', DOWN);
    expect(receivers.failing).toBe(1);
    expect(receivers.lastError).toMatchObject({ code: 'push.unreachable', destination: 'https://one.test' });
    note('https://one.test', SENT);
    expect(receivers.failing).toBe(0);
    expect(lines).toEqual([
      expect.objectContaining({ level: 'warn', msg: 'a destination: failing', destination: 'https://one.test' }),
      expect.objectContaining({
        level: 'info',
        msg: 'a destination: works again',
        destination: 'https://one.test',
        failures: 2,
      }),
    ]);
  });

  it('tells what a receiver answered by its shape only, as of a dead letter', () => {
    const { lines, note } = watched();
    const answer = JSON.stringify({ code: 'E-77', error: 'Mr. Miller is unknown' });
    note('https://one.test', { kind: 'retry', code: 'push.http-503', message: 'it answered 503', status: 503, answer });
    expect(lines).toEqual([expect.objectContaining({ status: 503, answer: '{"code":"E-77","error":"***"}' })]);
  });

  it('has ten lines in ten minutes for all destinations together, and one that says that there are more', () => {
    const { lines, clock, receivers, note } = watched();
    for (let no = 0; no < 500; no++) note(`https://${String(no)}.test`, DOWN);
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)?.msg).toContain('no further lines for 10 minutes');
    expect(receivers.failing).toBe(500);
    clock.ms = 10 * MINUTE;
    note('https://new.test', DOWN);
    expect(lines.at(-1)).toMatchObject({ destination: 'https://new.test' });
  });

  it('remembers a thousand, and takes none for failing of which nothing was heard for long', () => {
    const { clock, receivers, note } = watched();
    for (let no = 0; no < 3_000; no++) note(`https://${String(no)}.test`, DOWN);
    expect(receivers.failing).toBe(1_000);
    clock.ms = 20 * MINUTE;
    note('https://last.test', DOWN);
    expect(receivers.failing).toBe(1);
    expect(receivers.lastError?.destination).toBe('https://last.test');
  });

  it('asks nothing of those who come and go', () => {
    const { lines, receivers, note } = watched({ perDestination: 2, reachable: () => [] });
    note('comet:alice', DOWN);
    expect([lines, receivers.failing]).toEqual([[], 0]);
  });

  it('does not take a refusal for a failure, nor what was not sent for an answer', () => {
    const { receivers, note } = watched();
    note('https://one.test', { kind: 'refused', code: 'push.http-422', message: 'no', status: 422 });
    expect(receivers.failing).toBe(0);
    note('https://one.test', DOWN);
    note('https://one.test', { kind: 'postponed', delayMs: 1 });
    note('https://one.test', { kind: 'cancelled', code: 'push.subscription-over', message: 'over' });
    expect(receivers.failing).toBe(1);
    note('https://one.test', { kind: 'refused', code: 'push.http-422', message: 'no', status: 422 });
    expect(receivers.failing).toBe(0);
  });
});
