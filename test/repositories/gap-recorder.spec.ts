import { GapRecorder } from '../../src/notifications/gap-recorder.service.js';
import { GapRepository } from '../../src/notifications/gap.repository.js';
import type { Database } from '../../src/storage/database.js';
import { ReplicaRepository } from '../../src/storage/replica.repository.js';
import { ReplicaService } from '../../src/storage/replica.service.js';
import { Logs } from '../../src/telemetry/logs.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { describeEachDatabase } from '../helpers/databases.js';

describeEachDatabase('GapRecorder', (getDb) => {
  let database: Database;
  let recorder: GapRecorder;
  let gaps: GapRepository;

  beforeEach(() => {
    database = getDb();
    gaps = new GapRepository(database);
    const replica = new ReplicaService(
      { replica: { leaseMs: 30_000 } },
      database,
      new ReplicaRepository(database),
      Logs.silent(),
    );
    recorder = new GapRecorder(gaps, replica, new Metrics(), Logs.silent());
  });

  it('notes gaps of a time in which the database was away, begun and over', async () => {
    await database.close();
    recorder.gained(['a', 'b']);
    recorder.lost(['a'], 'closed', Date.now() - 1_000, 1);
    recorder.lost(['b'], 'closed', Date.now(), 2);
    recorder.gained(['a']);
    await database.open();
    await recorder.idle();
    const rows = (await gaps.list(10)).sort((a, b) => (a.channel_no ?? 0) - (b.channel_no ?? 0));
    expect(rows).toMatchObject([
      { channel_no: 1, to_at: expect.any(Number) },
      { channel_no: 2, to_at: null },
    ]);
    recorder.forgetAll();
    recorder.closeInherited();
    await recorder.idle();
    expect((await gaps.list(10)).filter((row) => row.to_at === null)).toEqual([]);
  });

  it('waits for no database when the process ends', async () => {
    await database.close();
    recorder.lost(['a'], 'closed', Date.now(), 1);
    await recorder.stop();
    await database.open();
    expect(await gaps.list(10)).toEqual([]);
  });
});
