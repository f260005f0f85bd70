import { ProcessScene, call, eventually, type Reply } from '../helpers/process-scene.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { TcpProxy } from '../helpers/tcp-proxy.js';

const ENTRIES = ['lifecycle', 'storage', 'token', 'channels', 'history', 'lastGap', 'ledger', 'push'];

/** A probe of Kubernetes as it is shipped waits for 3 s. */
const PROBE_MS = 3_000;

const AWAY = expect.stringMatching(/^The database does not answer \(see storage\)/) as string;

describe('/health in trouble', () => {
  let scene: ProcessScene;
  let proxy: TcpProxy;
  let gateway: GatewayProcess;
  let databaseUrl: string;

  beforeEach(async () => {
    scene = await ProcessScene.open('postgres');
    if (scene.target.kind !== 'postgres') throw new Error('not PostgreSQL');
    const through = new URL(scene.target.url);
    proxy = await TcpProxy.start(Number(through.port));
    through.port = String(proxy.port);
    databaseUrl = through.href;
    gateway = await scene.start({ DATABASE_URL: databaseUrl });
  });

  afterEach(async () => {
    await scene.close();
    await proxy.stop();
  });

  const stranger = async (path: string): Promise<Reply> => {
    const response = await fetch(gateway.url + path, { signal: AbortSignal.timeout(15_000) });
    return { status: response.status, body: (await response.json()) as Reply['body'] };
  };
  const operator = (path: string): Promise<Reply> => call(gateway, 'GET', path, { as: 'admin' });
  const errorsTold = () => gateway.logs.filter(({ level, component }) => level === 'error' && component === 'http');
  const statuses = ({ body }: Reply): Record<string, string> =>
    Object.fromEntries(
      Object.entries(body['details'] as Record<string, { status: string }>).map(([name, { status }]) => [name, status]),
    );

  it('shows who has no key the statuses alone, and an operator the facts', async () => {
    const bare = await stranger('/health');
    expect(bare.status).toBe(200);
    expect(Object.keys(statuses(bare))).toEqual(expect.arrayContaining(ENTRIES));
    for (const entry of Object.values(bare.body['details'] as object)) expect(Object.keys(entry)).toEqual(['status']);
    expect(Object.keys(bare.body).sort()).toEqual(['details', 'status']);
    // A key without that role, or one that nobody knows, is as good as none.
    expect((await call(gateway, 'GET', '/health', { as: 'intake' })).body).toEqual(bare.body);
    const full = await operator('/health');
    expect(full.body).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      details: {
        storage: { status: 'up', kind: 'postgres', target: expect.stringContaining('PostgreSQL at') },
        token: { state: 'valid' },
        channels: { count: 0, topics: 0, oldestHeartbeatAgeMs: null },
        history: { breaker: 'closed', backlog: 0, oldestWaitingMs: null },
      },
    });
  });

  it.each(['cut', 'swallow'] as const)(
    'keeps its entries with the database away (%s), answers a probe in time, and logs no error',
    async (trouble) => {
      const before = statuses(await operator('/health'));
      proxy[trouble]();
      const began = performance.now();
      const [all, ready] = await Promise.all([operator('/health'), stranger('/health/ready')]);
      expect(performance.now() - began).toBeLessThan(PROBE_MS);
      expect(ready).toEqual({
        status: 503,
        body: { status: 'error', details: { lifecycle: { status: 'up' }, storage: { status: 'down' } } },
      });
      expect(all.status).toBe(503);
      expect(Object.keys(statuses(all)).sort()).toEqual(Object.keys(before).sort());
      expect(all.body).toMatchObject({
        status: 'error',
        version: expect.any(String),
        details: {
          storage: { status: 'down', lastError: { code: 'storage.unavailable', message: expect.any(String) } },
          // Not the history service's fault, nor the callbacks'.
          history: { status: 'degraded', lastError: { code: 'storage.unavailable', message: AWAY } },
          push: { status: 'degraded', lastError: { code: 'storage.unavailable', message: AWAY } },
          token: { status: 'up' },
        },
      });
      for (let probe = 0; probe < 5; probe++) await stranger('/health/ready');
      expect(errorsTold()).toEqual([]);
      const told = gateway.logs.filter(({ msg }) => msg === 'the database: failing');
      expect(told).toHaveLength(1);
      proxy.restore();
      await eventually(async () => (await stranger('/health/ready')).status === 200);
      await gateway.logged(({ msg }) => msg === 'the database: works again');
    },
    60_000,
  );

  it('says of channels and gaps that the lease is lost, when the database is away for longer', async () => {
    const short = await scene.start({ DATABASE_URL: databaseUrl, REPLICA_LEASE_S: '6' });
    const accepted = await scene.accept(short);
    await scene.subscribed(accepted);
    proxy.cut();
    await short.logged((line) => line['to'] === 'lost', 20_000);
    const { body } = await call(short, 'GET', '/health', { as: 'admin' });
    const lastError = { code: 'replica.lost', message: expect.stringContaining('lease'), at: expect.any(String) };
    expect(body['details']).toMatchObject({
      channels: { status: 'degraded', lastError },
      lastGap: { status: 'degraded', open: null, lastError },
    });
    proxy.restore();
    await eventually(async () => {
      const { details } = (await call(short, 'GET', '/health', { as: 'admin' })).body;
      const { channels, lastGap } = details as Record<string, { status: string }>;
      return channels?.status === 'up' && lastGap?.status === 'up';
    }, 30_000);
  }, 90_000);

  it('counts no channel that is only being made, and says why it is not there', async () => {
    scene.simulator.genesys.faults.failRequests({ path: '/api/v2/notifications/channels', status: 503, count: 1_000 });
    await scene.accept(gateway);
    const entry = async () => ((await operator('/health')).body['details'] as Record<string, object>)['channels'];
    await eventually(async () => 'lastError' in ((await entry()) ?? {}));
    expect(await entry()).toMatchObject({ status: 'degraded', count: 0, topics: 1, uncoveredTopics: 1 });
    scene.simulator.genesys.faults.clear();
    await eventually(async () => JSON.stringify(await entry()).includes('"count":1'));
  });

  it('says of a history service that refuses what failed last, and is well again when it is', async () => {
    const { history, genesys } = scene.simulator;
    history.fail({ status: 503, count: 1_000 });
    const accepted = await scene.accept(gateway);
    await scene.subscribed(accepted);
    genesys.conversations.finishWork(accepted.conversationId);
    const entry = async () => ((await operator('/health')).body['details'] as Record<string, object>)['history'];
    await eventually(async () => 'lastError' in ((await entry()) ?? {}));
    const degraded = await operator('/health');
    // Intake is durable without it: the pod stays in service.
    expect(degraded.status).toBe(200);
    const lastError = { code: expect.any(String), message: expect.stringContaining('503'), at: expect.any(String) };
    expect(await entry()).toMatchObject({ status: 'degraded', backlog: 1, lastError });
    history.recover();
    await eventually(async () => JSON.stringify(await entry()).includes('"backlog":0'));
    expect(await entry()).toMatchObject({ status: 'up', breaker: 'closed', lastError });
  });

  it('says draining of a pod that drains', async () => {
    const { history, genesys } = scene.simulator;
    history.fail({ status: 201, count: 1, delayMs: 2_000 });
    const accepted = await scene.accept(gateway);
    await scene.subscribed(accepted);
    genesys.conversations.finishWork(accepted.conversationId);
    await history.waitFor(() => history.received.length === 1);
    const ended = gateway.end('SIGTERM');
    await gateway.logged((line) => line['to'] === 'draining');
    const report = await operator('/health');
    expect(report.status).toBe(503);
    expect(report.body['details']).toMatchObject({
      lifecycle: { status: 'down', state: 'draining' },
      storage: { status: 'up' },
    });
    expect(Object.keys(report.body['details'] as object)).toEqual(expect.arrayContaining(ENTRIES));
    expect(errorsTold()).toEqual([]);
    expect(await ended).toBe(0);
  });
});
