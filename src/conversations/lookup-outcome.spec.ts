import { GenesysRequestError } from '../genesys/genesys.errors.js';
import type { InteractionRow } from '../storage/schema.js';
import type { AfterCallWork } from './after-call-work.js';
import { type Outcome, outcomesOf } from './lookup-outcome.js';
import type { Reply } from './lookup-round.js';

const row = {
  id: 'i1',
  conversation_id: 'c1',
  agent_id: '',
  accepted_at: 1_000_000,
  expires_at: 2_000_000,
} as InteractionRow;
const work: AfterCallWork = { obtainedBy: 'lookup', conversationId: 'c1', sessionId: 's1', endedAt: 1_000_001 };
const answered = (works: AfterCallWork[], complete = false): Reply => ({ state: 'answered', works, complete });

function outcome(reply: Reply, last = false, unstored = new Map<object, unknown>()): Outcome {
  const due = { rows: [row], now: last ? row.expires_at : row.expires_at - 1 };
  return outcomesOf(due, new Map([['c1', reply]]), unstored).get(row) as Outcome;
}

describe('outcomesOf', () => {
  it.each<[string, Reply, boolean, Outcome['state']]>([
    ['nobody knows who spoils it', { state: 'suspected' }, true, 'suspected'],
    ['it spoils look-ups in bulk', { state: 'culprit' }, true, 'culprit'],
    ['Genesys was away', { state: 'unasked' }, true, 'unasked'],
    ['its work was found', answered([work]), false, 'found'],
    ['work of before it', answered([{ ...work, endedAt: 1 }]), false, 'open'],
    ['no work yet', answered([]), false, 'open'],
    ['no work after its time, not everybody asked', answered([]), true, 'unasked'],
    ['no work after its time, everybody asked', answered([], true), true, 'over'],
  ])('%s', (_name, reply, last, state) => {
    expect(outcome(reply, last)).toEqual({ state });
  });

  it('leaves out whose conversation has no reply yet', () => {
    expect(outcomesOf({ rows: [row], now: 0 }, new Map(), new Map()).size).toBe(0);
  });

  it('says what Genesys answered where the question failed', () => {
    const error = new GenesysRequestError('Genesys answered 400.', { operation: 'conversation', status: 400 });
    expect(outcome({ state: 'failed', error })).toEqual({
      state: 'failed',
      code: 'lookup.failed',
      message: 'Genesys cannot be asked for this conversation: Genesys answered 400.',
      error,
    });
  });

  it('names a fault of our own by its kind only, and keeps messages short', () => {
    const own = outcome({ state: 'failed', error: new TypeError('Mrs Miller') });
    expect(own).toMatchObject({ message: expect.stringContaining('could not be read (TypeError).') });
    const long = new GenesysRequestError('x'.repeat(2_000), { operation: 'conversation', status: 400 });
    const { message } = outcome({ state: 'failed', error: long }) as { message: string };
    expect(message).toHaveLength(500);
  });

  it('is no find where the work could not be stored, and quotes nothing of it', () => {
    const error = Object.assign(new Error('Mrs Miller'), { code: '22001' });
    expect(outcome(answered([work]), false, new Map([[work, error]]))).toEqual({
      state: 'failed',
      code: 'capture.failed',
      message: 'Its after-call work was found, but could not be stored (Error 22001).',
      error,
    });
  });

  it('is a find where one of several pieces of work could be stored', () => {
    const other = { ...work, sessionId: 's2' };
    expect(outcome(answered([work, other]), false, new Map([[work, new Error('no')]]))).toEqual({ state: 'found' });
  });
});
