import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import type { TestingModule } from '@nestjs/testing';
import { ConfigModule } from '../../src/config/config.module.js';
import { testConfig } from '../../src/config/testing/test-config.js';
import { DeadLetters } from '../../src/delivery/dead-letters.js';
import { DeliveryModule } from '../../src/delivery/delivery.module.js';
import { DeliveryService } from '../../src/delivery/delivery.service.js';
import { Outbox } from '../../src/delivery/outbox.js';
import type { Settlement } from '../../src/delivery/sink.js';
import { HistoryModule } from '../../src/history/history.module.js';
import { HistoryService } from '../../src/history/history.service.js';
import { SAMPLE_RECORD } from '../../src/history/record.js';
import { Database } from '../../src/storage/database.js';
import { StorageModule } from '../../src/storage/storage.module.js';
import { TelemetryModule } from '../../src/telemetry/telemetry.module.js';

interface Received {
  headers: IncomingHttpHeaders;
  body: unknown;
}

describe('the communication history behind the outbox', () => {
  let folder: string;
  let server: Server;
  let received: Received[];
  let status: number;
  let parts: TestingModule | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-history-'));
    received = [];
    status = 201;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
        response.writeHead(status).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    await parts?.get(DeliveryService).stop(1_000);
    await parts?.close();
    parts = undefined;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  async function boot(env: Record<string, string> = {}): Promise<TestingModule> {
    const { port } = server.address() as AddressInfo;
    const config = testConfig({
      DATABASE_URL: `file:${join(folder, 'gateway.db')}`,
      HISTORY_URL: `http://127.0.0.1:${port}/records`,
      RETRY_BASE_MS: '10',
      ...env,
    });
    parts = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(config), TelemetryModule, StorageModule, DeliveryModule, HistoryModule],
    }).compile();
    await parts.init();
    return parts;
  }

  /** Resolves with the first settlement of that state after `act`. */
  function ending(module: TestingModule, state: Settlement['state']): Promise<Settlement> {
    return new Promise((resolve) => {
      module.get(HistoryService).onOutcome({
        settled: async () => undefined,
        afterSettled: (settlements) => {
          const found = settlements.find((settlement) => settlement.state === state);
          if (found) resolve(found);
        },
      });
    });
  }

  async function hand(module: TestingModule): Promise<void> {
    const draft = module.get(HistoryService).draft(SAMPLE_RECORD, Date.now(), null);
    await module.get(Database).transaction((trx) => module.get(Outbox).enqueue(trx, [draft]));
    module.get(Outbox).wake();
  }

  it('gets the record under its own id', async () => {
    const module = await boot();
    const delivered = ending(module, 'delivered');
    await module.get(DeliveryService).start();
    await hand(module);
    await delivered;
    expect(received).toHaveLength(1);
    expect(received[0]?.body).toEqual(SAMPLE_RECORD);
    expect(received[0]?.headers).toMatchObject({
      'idempotency-key': SAMPLE_RECORD.recordId,
      'x-correlation-id': SAMPLE_RECORD.interactionId,
    });
  });

  it('ends nothing before somebody follows the outcomes', async () => {
    const module = await boot();
    await module.get(DeliveryService).start();
    await hand(module);
    await once(server, 'request');
    const states = await module.get(Database).db.selectFrom('deliveries').select('state').execute();
    expect(states).toEqual([{ state: 'claimed' }]);
    await ending(module, 'delivered');
  });

  it('gets what a repaired mapping makes of a record that the old one failed on', async () => {
    const file = join(folder, 'mapping.jsonata');
    await writeFile(
      file,
      `{ "id": recordId, "n": $number(customerId = "C-1001" and attributes.caseId = "88" ? "1" : customerId) }`,
    );
    const broken = await boot({ HISTORY_MAPPING_FILE: file });
    const dead = ending(broken, 'dead');
    await broken.get(DeliveryService).start();
    const record = { ...SAMPLE_RECORD, customerId: 'not a number' };
    const draft = broken.get(HistoryService).draft(record, Date.now(), null);
    await broken.get(Database).transaction((trx) => broken.get(Outbox).enqueue(trx, [draft]));
    broken.get(Outbox).wake();
    expect((await dead).error?.code).toBe('history.mapping-failed');
    expect(received).toEqual([]);
    await broken.get(DeliveryService).stop(1_000);
    await broken.close();

    await writeFile(file, '{ "id": recordId, "who": customerId }');
    const repaired = await boot({ HISTORY_MAPPING_FILE: file });
    const delivered = ending(repaired, 'delivered');
    await repaired.get(DeliveryService).start();
    await repaired.get(DeadLetters).replay(record.recordId);
    await delivered;
    expect(received.map((each) => each.body)).toEqual([{ id: record.recordId, who: 'not a number' }]);
  });

  it('does not boot with a mapping that cannot work', async () => {
    const file = join(folder, 'mapping.jsonata');
    await writeFile(file, '{ "id": ');
    await expect(boot({ HISTORY_MAPPING_FILE: file })).rejects.toThrow(file);
  });
});
