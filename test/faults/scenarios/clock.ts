import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sized, type Scenario } from '../scenario.js';
import { STORIES } from '../traffic.js';
import { withRig } from '../with-rig.js';

const PRELOAD = resolve('test/faults/clock-skew.mjs');
const SKEWS_MS = [600_000, -600_000];

/** Wall clocks that are wrong must not move leases, retries or expiries: the database's clock decides. */
export const clock: Scenario = {
  name: 'clock',
  study: [7],
  fault: 'two replicas, one 10 min ahead and one 10 min behind; both step back 5 min under load',
  databases: ['postgres'],
  quick: 0,
  run: (context) =>
    withRig(
      context,
      {
        units: 2,
        // 9 min: less than a clock is wrong, so an expiry by it would show.
        environment: { INTERACTION_TTL_HOURS: '0.15', NODE_OPTIONS: `--import=${PRELOAD}` },
        unitEnvironment: (index) => ({ CLOCK_SKEW_MS: String(SKEWS_MS[index]) }),
        traffic: { stories: STORIES, workMs: [50, 3_000] },
      },
      async (rig) => {
        const { history } = rig.simulator;
        history.fail({ status: 503, ratio: 0.2 });
        const flow = rig.traffic.flow(sized(context, 1_000, 150), 40);
        await sleep(sized(context, 10_000, 2_000));
        for (const unit of rig.units) unit.signal('SIGUSR2');
        await flow;
        await rig.traffic.done();
        history.recover();
        rig.audit.faultOver();
        const counts = await rig.verdict(4, { withinMs: 60_000 });
        rig.expect(counts.repeats === 0, `${counts.repeats} records were sent by two owners`);
        return counts;
      },
    ),
};

const HOUR_MS = 3_600_000;
const PAUSE_S = 15;

/** A jump of an hour must not hold up what waits by the process' own reckoning: budgets, pauses, look-ups, lingering. */
export const clockHour: Scenario = {
  name: 'clock-hour',
  study: [7],
  fault:
    'the wall clock is set back by an hour, later ahead by two, while Genesys limits our requests and events are lost',
  databases: ['sqlite', 'postgres'],
  quick: 0,
  run: (context) =>
    withRig(
      context,
      {
        environment: {
          NODE_OPTIONS: `--import=${PRELOAD}`,
          CLOCK_STEPS_MS: `${-HOUR_MS},${2 * HOUR_MS}`,
          // So few that the minute's are used up before and after each jump.
          GENESYS_REQUESTS_PER_MINUTE: '20',
        },
        traffic: { stories: ['plain', 'lost'], workMs: [50, 1_000] },
      },
      async (rig) => {
        const { faults } = rig.simulator.genesys;
        for (let step = 0; step < 2; step++) {
          await rig.traffic.flow(sized(context, 100, 25), 20);
          // The pause that we are told to keep is under way when the clock jumps, and so is the minute's budget.
          faults.rateLimit({ count: 1, retryAfterS: PAUSE_S });
          const metered = async (): Promise<boolean> =>
            (await rig.metric('gateway_genesys_requests_total', '429')) > step;
          await rig.until(metered, 30_000);
          rig.unit.signal('SIGUSR2');
          rig.audit.faultOver();
        }
        await rig.traffic.flow(sized(context, 100, 25), 20);
        await rig.traffic.done();
        // Some minutes' budgets may be used up; an hour would be a held-up clock.
        return rig.verdict(2, { withinMs: 180_000 });
      },
    ),
};
