import { randomUUID } from 'node:crypto';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { handIn, type RunningGateway, startGateway } from '../helpers/gateway.js';

const LIST = '/api/v2/routing/wrapupcodes';

interface StoredRecord {
  conversationId: string;
  wrapup: { code?: string; name?: string };
}

describe('the names of wrap-up codes', () => {
  const codes = Array.from({ length: 250 }, (_, nth) => ({ id: randomUUID(), name: `Reason ${nth}` }));
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeEach(async () => {
    simulator = await startSimulator({ genesys: { wrapupCodes: codes } });
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target);
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const lists = (): number => simulator.genesys.requests.filter(({ path }) => path.startsWith(LIST)).length;
  const listed = async (count: number): Promise<void> => void (await simulator.genesys.waitFor(() => lists() >= count));

  /** The record of an interaction that an agent ends with this code. */
  async function recordWith(
    wrapupCode: string,
    before = (): Promise<void> => Promise.resolve(),
  ): Promise<StoredRecord> {
    const { conversationId } = await handIn(gateway);
    await simulator.genesys.waitFor(() => simulator.genesys.topics().some((topic) => topic.includes(conversationId)));
    await before();
    simulator.genesys.conversations.finishWork(conversationId, { wrapupCode });
    const found = (): StoredRecord | undefined =>
      ([...simulator.history.records.values()] as StoredRecord[]).find(
        (each) => each.conversationId === conversationId,
      );
    await simulator.history.waitFor(() => found() !== undefined);
    return found() as StoredRecord;
  }

  it('are in the record, from a list that is read once, whatever its length', async () => {
    const last = codes.at(-1) as (typeof codes)[number];
    expect(await recordWith(last.id, () => listed(3))).toMatchObject({ wrapup: { code: last.id, name: 'Reason 249' } });
    expect((await recordWith(codes[0]?.id as string)).wrapup.name).toBe('Reason 0');
    // Genesys' own, and one that nobody knows: the list is not asked for again so soon.
    expect((await recordWith('ININ-WRAP-UP-TIMEOUT')).wrapup).not.toHaveProperty('name');
    expect((await recordWith(randomUUID())).wrapup).not.toHaveProperty('name');
    expect(lists()).toBe(3);
  });

  it('are left out without the permission, and nobody waits for them', async () => {
    simulator.genesys.faults.failRequests({ count: 100, status: 403, path: LIST });
    const code = codes[0]?.id as string;
    expect((await recordWith(code, () => listed(1))).wrapup).toEqual(
      expect.not.objectContaining({ name: expect.anything() }),
    );
    expect((await recordWith(code)).wrapup.code).toBe(code);
    expect(lists()).toBe(1);
  });

  it('are not waited for when the list is not answered', async () => {
    simulator.genesys.faults.failRequests({ count: 100, path: LIST, delayMs: 60_000 });
    expect((await recordWith(codes[0]?.id as string)).wrapup).toMatchObject({ code: codes[0]?.id });
  });

  it('are not asked for while nothing is handed in', async () => {
    await gateway.call('get', '/health', 'viewer').expect(200);
    expect(lists()).toBe(0);
  });
});
