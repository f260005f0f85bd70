import { SimulatedClock } from '../../simulator/common/clock.js';

describe('simulated clock', () => {
  let clock: SimulatedClock;
  beforeEach(() => void (clock = new SimulatedClock()));
  afterEach(() => clock.stop());

  it('rings what became due in the order of time, and nothing else', () => {
    const rung: string[] = [];
    for (const [name, hours] of [['late', 3], ['early', 1], ['middle', 2], ['tomorrow', 24]] as const) {
      clock.after(hours * 3_600_000, () => rung.push(name));
    } // prettier-ignore
    clock.advance(3 * 3_600_000);
    expect(rung).toEqual(['early', 'middle', 'late']);
  });

  it('does not ring what was cancelled, by an earlier alarm of the same step too', () => {
    const rung: string[] = [];
    const cancel = clock.after(2_000, () => rung.push('second'));
    clock.after(1_000, () => {
      rung.push('first');
      cancel();
    });
    clock.advance(5_000);
    expect(rung).toEqual(['first']);
  });

  it('rings in real time too, also after a move brought the alarm nearer', async () => {
    clock.advance(60_000);
    const rung = new Promise<void>((resolve) => clock.after(60_005, resolve));
    clock.advance(60_000);
    // The alarm's own timer lets the process end; something must keep it up meanwhile.
    const alive = setTimeout(() => undefined, 5_000);
    await rung;
    clearTimeout(alive);
  });

  it('takes waits that are longer than a timer can be', () => {
    let rung = 0;
    clock.after(60 * 24 * 3_600_000, () => (rung += 1));
    clock.advance(59 * 24 * 3_600_000);
    expect(rung).toBe(0);
    clock.advance(24 * 3_600_000);
    expect(rung).toBe(1);
  });
});
