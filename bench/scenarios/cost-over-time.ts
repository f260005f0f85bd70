import { alternate, ratioOf } from '../report/rounds.js';
import type { Scenario } from '../scenario.js';
import { gatewayCapture } from './capture.js';

const STORED = [10_000, 100_000, 1_000_000];
const TOPICS = 10_000;

/** Whether capturing gets slower as delivered rows pile up until retention removes them. */
export const costOverTime: Scenario = {
  name: 'cost-over-time',
  about: 'capture with 10,000, 100,000 and 1,000,000 delivered rows stored, SQLite',
  unit: 'events/s',
  inShort: false,
  async run(stage) {
    const topics = stage.size(TOPICS, 500);
    const sizes = STORED.map((full) => stage.size(full));
    const name = (size: number): string => `${size.toLocaleString('en')} stored`;
    const sides = await alternate(
      stage,
      Object.fromEntries(
        sizes.map((delivered) => [name(delivered), () => gatewayCapture(stage, 'sqlite', topics, delivered)]),
      ),
    );
    const [least = 0, ...more] = sizes;
    return {
      sides,
      targets: more.map((size) => ({
        name: `with ${name(size)}, of ${name(least)}`,
        value: ratioOf(sides, name(size), name(least)),
        limit: { min: 0.9 },
        unit: '',
      })),
      notes: [
        `${topics} conversations as in capture; stored ones have random-looking ids and records of about 0.7 KiB`,
      ],
    };
  },
};
