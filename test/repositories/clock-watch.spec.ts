import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { ClockWatch, shiftTimes } from '../../src/storage/clock-watch.js';
import type { Database } from '../../src/storage/database.js';
import { Logs } from '../../src/telemetry/logs.js';
import { freshTarget, openDatabase } from '../helpers/databases.js';
import { deliveryRow, interactionRow } from '../helpers/rows.js';

const HOUR_MS = 3_600_000;

/** The database's own clock cannot be set in a test: the rows have the times that a clock off by an hour gave them. */
describe('ClockWatch', () => {
  let database: Database;
  let remove: () => Promise<void>;
  let now: number;
  let wall: number;
  let steady: number;
  let fails: boolean;
  let watch: ClockWatch;

  beforeEach(async () => {
    const fresh = await freshTarget('sqlite');
    remove = fresh.remove;
    database = await openDatabase(fresh.target);
    [now, wall, steady, fails] = [Date.now(), 5_000_000_000, 1_000, false];
    const shift = async (stepMs: number): Promise<void> => {
      if (fails) throw new Error('the disk is full');
      await database.transaction((trx) => shiftTimes(trx, stepMs));
    };
    watch = new ClockWatch(shift, Logs.silent().of('storage'), { wall: () => wall, steady: () => steady });
    watch.start();
  });

  afterEach(async () => {
    await watch.stop();
    await database.close();
    await remove();
  });

  const pass = async (steadyMs: number, wallMs = steadyMs): Promise<void> => {
    steady += steadyMs;
    wall += wallMs;
    await watch.look();
  };
  const deliveries = () => database.db.selectFrom('deliveries').selectAll().orderBy('seq').execute();
  const interactions = () => database.db.selectFrom('interactions').selectAll().orderBy('id').execute();
  const due = async (): Promise<string[]> => {
    const claim = { sink: 'test', limit: 10, token: 't', replica: 'r', leaseMs: 30_000 };
    return (await new DeliveryRepository(database).claimDue(claim)).map(({ id }) => id);
  };

  it('holds up nothing that was to be sent when the clock is set back by an hour', async () => {
    const ahead = now + HOUR_MS;
    const [soon, later] = [deliveryRow({ due_at: ahead - 1_000 }), deliveryRow({ due_at: ahead + 50_000 })];
    await database.db.insertInto('deliveries').values([soon, later]).execute();
    expect(await due()).toEqual([]);
    await pass(1_000, 1_000 - HOUR_MS);
    expect(await due()).toEqual([soon.id]);
  });

  it('has an interaction looked up, and its work counted, that was accepted when the clock was ahead', async () => {
    const ahead = now + HOUR_MS;
    const times = { accepted_at: ahead, listening_at: ahead + 1, lookup_at: ahead + 2, expires_at: ahead + 3 };
    const waiting = interactionRow({ id: 'a', status: 'listening', ...times });
    const over = interactionRow({ id: 'b', status: 'delivered', ...times, conversation_id: 'b' });
    await database.db.insertInto('interactions').values([waiting, over]).execute();
    await pass(1_000, 1_000 - HOUR_MS);
    expect(await interactions()).toMatchObject([
      { accepted_at: now, listening_at: now + 1, lookup_at: now + 2, expires_at: ahead + 3 },
      times,
    ]);
  });

  it('cuts nothing short, and sends nothing later, when the clock is set forward by an hour', async () => {
    const times = { accepted_at: now, lookup_at: now + 2, expires_at: now + 3 };
    await database.db
      .insertInto('interactions')
      .values(interactionRow({ ...times }))
      .execute();
    await database.db
      .insertInto('deliveries')
      .values(deliveryRow({ due_at: now, first_attempt_at: now, received_at: now }))
      .execute();
    const steps: number[] = [];
    watch.onStep((stepMs) => steps.push(stepMs));
    await pass(1_000, 1_000 + HOUR_MS);
    expect(await interactions()).toMatchObject([{ ...times, expires_at: now + 3 + HOUR_MS }]);
    expect(await deliveries()).toMatchObject([
      { due_at: now, first_attempt_at: now + HOUR_MS, received_at: now + HOUR_MS },
    ]);
    expect(steps).toEqual([HOUR_MS]);
  });

  it('moves once for each step, not for small adjustments, and again when it could not', async () => {
    await database.db
      .insertInto('deliveries')
      .values(deliveryRow({ received_at: now }))
      .execute();
    for (let i = 0; i < 100; i++) await pass(1_000, 1_001);
    expect(await deliveries()).toMatchObject([{ received_at: now }]);
    fails = true;
    await pass(250, 250 - HOUR_MS);
    expect(await deliveries()).toMatchObject([{ received_at: now }]);
    fails = false;
    await pass(250);
    await pass(250);
    expect(await deliveries()).toMatchObject([{ received_at: now - HOUR_MS }]);
  });
});
