import { Logs } from './logs.js';
import { OutageLog } from './outage-log.js';

const S = 1_000;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;

interface Line {
  level: string;
  msg: string;
  failures?: number;
  forS?: number;
  cause?: { type: string; message: string; code?: string; stack?: string; cause?: { stack?: string } };
}

function told(level: 'info' | 'debug' = 'info') {
  const lines: Line[] = [];
  const logs = Logs.to({ level, format: 'json' }, { write: (line) => void lines.push(JSON.parse(line) as Line) });
  const clock = { ms: 0 };
  const outage = new OutageLog(logs.of('storage'), 'the database', () => clock.ms);
  /** Fails every second for so long. */
  const failFor = (ms: number): void => {
    for (const end = clock.ms + ms; clock.ms < end; clock.ms += S) outage.failed(new Error('refused'));
  };
  return { lines, clock, outage, failFor };
}

describe('OutageLog', () => {
  it('tells the beginning with its cause and no stack, and the end with its length and count', () => {
    const { lines, clock, outage } = told();
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    outage.failed(new Error('not there', { cause }), { work: 'capture' });
    clock.ms = 20 * S;
    outage.failed(new Error('not there'));
    clock.ms = 30 * S;
    outage.recovered();
    outage.recovered();
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'the database: failing',
        work: 'capture',
        cause: {
          type: 'Error',
          message: 'not there',
          cause: { type: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
        },
      }),
      expect.objectContaining({ level: 'info', msg: 'the database: works again', failures: 2, forS: 30 }),
    ]);
  });

  it('repeats after 1, 2, 4 … minutes and at most once an hour: 30 lines in a day', () => {
    const { lines, failFor, outage } = told();
    failFor(24 * HOUR);
    outage.recovered();
    const repeats = lines.slice(1, -1).map(({ forS }) => Math.round((forS ?? 0) / 60));
    expect(repeats.slice(0, 8)).toEqual([1, 3, 7, 15, 31, 63, 123, 183]);
    expect(lines).toHaveLength(30);
    expect(lines.at(-1)).toMatchObject({ msg: 'the database: works again', failures: 86_400, forS: 86_400 });
  });

  it('says nothing of a recovery that nothing went before', () => {
    const { lines, outage } = told();
    outage.recovered();
    expect(lines).toEqual([]);
  });

  it('takes one that comes and goes within a minute for one outage', () => {
    const { lines, clock, outage } = told();
    for (; clock.ms < HOUR; clock.ms += S) {
      outage.failed(new Error('refused'));
      outage.recovered();
    }
    expect(lines.length).toBeLessThan(16);
    expect(lines.at(-1)).toMatchObject({ msg: 'the database: works again' });
  });

  it('begins anew after a minute of quiet, and after a quarter of an hour without a word', () => {
    const { lines, clock, outage } = told();
    outage.failed(new Error('one'));
    outage.recovered();
    clock.ms += 61 * S;
    outage.failed(new Error('two'));
    clock.ms += 16 * MINUTE;
    outage.failed(new Error('three'));
    expect(lines.map(({ msg }) => msg.split(': ')[1])).toEqual(['failing', 'works again', 'failing', 'failing']);
  });

  it('tells each failure at debug', () => {
    const { lines, failFor } = told('debug');
    failFor(10 * S);
    expect(lines).toHaveLength(10);
    expect(lines.slice(1).every(({ level }) => level === 'debug')).toBe(true);
  });
});
