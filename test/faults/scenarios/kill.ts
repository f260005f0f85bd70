import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../random.js';
import { sized, type Scenario } from '../scenario.js';
import { withRig } from '../with-rig.js';

const BOTH = ['sqlite', 'postgres'] as const;
/** `HISTORY_CONCURRENCY`: so many answers can be lost with a process. */
const CONCURRENCY = 32;

/** 1,000 records wait for the history when the process is killed; 20 kills more while they go out. */
export const killPending: Scenario = {
  name: 'kill-pending',
  study: [1],
  fault: 'kill -9 with 1,000 deliveries pending',
  databases: BOTH,
  quick: 0.1,
  quickOn: ['sqlite'],
  run: (context) =>
    withRig(context, {}, async (rig) => {
      const { history } = rig.simulator;
      history.fail({ status: 503 });
      const items = await rig.traffic.pend(sized(context, 1_000, 50));
      await rig.until(() => rig.simulator.genesys.topics().length === items.length, 20_000);
      rig.traffic.finish(...items);
      await rig.until(async () => (await rig.readLedger())?.captured === items.length, 20_000);
      await rig.unit.kill();
      history.recover();
      rig.audit.faultOver();
      await rig.unit.start();
      const counts = await rig.verdict(1);
      rig.expect(counts.repeats <= CONCURRENCY, `${counts.repeats} repeats, more than ${CONCURRENCY} under way`);
      return counts;
    }),
};

/** The stream of the issue: 20 kills at random moments of 10,000 interactions at 100 a second. */
export const killStream: Scenario = {
  name: 'kill-stream',
  alone: true,
  study: [1],
  fault: 'kill -9 at 20 random moments of 10,000 interactions at 100/s',
  databases: BOTH,
  quick: 0.03,
  quickOn: ['sqlite'],
  run: (context) =>
    withRig(context, { traffic: { workMs: [50, 2_000] } }, async (rig) => {
      const random = new Random(20);
      const total = sized(context, 10_000, 300);
      const kills = sized(context, 20, 3);
      const spanMs = (total / 100) * 1_000;
      const flow = rig.traffic.flow(total, 100);
      const moments = Array.from({ length: kills }, () => random.between(500, spanMs)).sort((a, b) => a - b);
      const since = performance.now();
      for (const moment of moments) {
        await sleep(Math.max(0, since + moment - performance.now()));
        await rig.killAndStart();
      }
      await flow;
      await rig.traffic.done();
      const counts = await rig.verdict(kills);
      rig.expect(counts.emitted >= total, `${counts.emitted} of ${total} were taken and finished`);
      rig.expect(counts.repeats <= kills * CONCURRENCY, `${counts.repeats} repeats after ${kills} kills`);
      return counts;
    }),
};
