import { type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { Front, type OwnAnswer } from '../helpers/front.js';
import { handIn, type RunningGateway, startGateway } from '../helpers/gateway.js';
import { eventually } from '../helpers/process-scene.js';

const HTML = { 'content-type': 'text/html' };
/** Beyond the time of an interaction, and beyond the longest that failures of its own are waited for. */
const LONGER_THAN_TWICE_THE_TTL = 8_000;

describe('interactions, while a proxy answers everything for Genesys', () => {
  let simulator: Simulator;
  let front: Front;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeEach(async () => {
    simulator = await startSimulator();
    front = await Front.before(simulator.apiUrl);
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target, {
      GENESYS_API_URL: front.url,
      INTERACTION_TTL_HOURS: '0.0006',
      LOOKUP_SWEEP_S: '1',
    });
  });

  afterEach(async () => {
    await gateway.stop();
    await front.close();
    await simulator.stop();
    await database.remove();
  });

  async function statuses(of: { id: string }[]): Promise<string[]> {
    const read = ({ id }: { id: string }) => gateway.call('get', `/customers/supportInteraction/${id}`).expect(200);
    return (await Promise.all(of.map(read))).map(({ body }) => body.status as string);
  }

  it.each<[string, OwnAnswer]>([
    ['404, a page', { status: 404, headers: HTML, body: '<html>default backend - 404</html>' }],
    ['404 without a word', { status: 404 }],
    ['200, a page', { status: 200, headers: HTML, body: '<html>maintenance</html>' }],
    ['a redirect', { status: 302, headers: { location: 'https://maintenance.example/' } }],
    ['403, a page', { status: 403, headers: HTML, body: '<html>blocked</html>' }],
  ])(
    'do not expire, and are found once Genesys answers itself: %s',
    async (_name, answer) => {
      const waiting = await Promise.all(Array.from({ length: 5 }, () => handIn(gateway)));
      await simulator.genesys.waitFor(() => simulator.genesys.topics().length === waiting.length);
      front.answer = answer;
      const since = performance.now();
      for (const { conversationId } of waiting)
        simulator.genesys.conversations.finishWork(conversationId, { suppressEvent: true });
      await eventually(async () => performance.now() - since > LONGER_THAN_TWICE_THE_TTL, 12_000);
      expect(await statuses(waiting)).toEqual(waiting.map(() => 'listening'));
      front.answer = undefined;
      await simulator.history.waitFor(() => simulator.history.records.size === waiting.length, 20_000);
    },
    45_000,
  );

  it('expire when Genesys answers others, and of theirs only 404 is said, without a word', async () => {
    front.answer = { status: 404, only: /\/conversations\/[0-9a-f-]+$/ };
    const expiring = await handIn(gateway);
    await eventually(async () => (await statuses([expiring]))[0] === 'expired', 15_000);
  }, 30_000);
});
