import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GatewayProcess, LogLine } from '../helpers/gateway-process.js';
import { type Accepted, call, eventually, ledgerOf, ProcessScene } from '../helpers/process-scene.js';

/** A history service that takes nothing, says why, and repeats what it was told. */
async function refusing(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const answer = JSON.stringify({ code: 'E-77', message: 'no such customer', sent: body });
      response.writeHead(422, { 'content-type': 'application/json' }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe.each(['sqlite', 'postgres'] as const)('a record that the history refuses for good (%s)', (kind) => {
  let history: Server;
  let scene: ProcessScene;
  let gateway: GatewayProcess;
  let accepted: Accepted;
  let recordId: string;

  beforeAll(async () => {
    history = await refusing();
    const { port } = history.address() as AddressInfo;
    scene = await ProcessScene.open(kind, { HISTORY_URL: `http://127.0.0.1:${port}/` });
    gateway = await scene.start();
    accepted = await scene.accept(gateway);
    recordId = String((await call(gateway, 'GET', `/customers/supportInteraction/${accepted.id}`)).body['recordId']);
    await scene.subscribed(accepted);
    scene.simulator.genesys.conversations.finishWork(accepted.conversationId, { wrapupNotes: 'wrapup-secret' });
    await eventually(async () => (await ledgerOf(gateway))['dead'] === 1);
  });

  afterAll(async () => {
    await scene.close();
    await new Promise((resolve) => history.close(resolve));
  });

  const ofTheRecord = (line: LogLine): boolean => JSON.stringify(line).includes(recordId);

  it('has one warning in the log, with its ids and the reason, and nothing of the customer', async () => {
    await gateway.logged(ofTheRecord);
    expect(gateway.logs.filter(ofTheRecord)).toEqual([
      expect.objectContaining({
        level: 'warn',
        record: recordId,
        interaction: accepted.id,
        conversation: accepted.conversationId,
        attempts: 1,
        reason: 'history.http-422',
        status: 422,
        answer: '{"code":"E-77","message":"***","sent":"***"}',
      }),
    ]);
    expect(JSON.stringify(gateway.logs)).not.toMatch(/C-1001|Invoice 77|wrapup-secret|no such customer/);
  });

  it('shows what the history answered', async () => {
    const { status, body } = await call(gateway, 'GET', `/ops/dead-letters/${recordId}`, { as: 'privacy' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ reason: 'history.http-422', lastStatus: 422 });
    expect(body['answer']).toMatch(/^\{"code":"E-77","message":"no such customer"/);
    expect(String(body['answer'])).toContain('Invoice 77');
  });

  it('is ended by an operator: in the ledger, and in the audit with who and why', async () => {
    const path = `/ops/dead-letters/${recordId}/discard`;
    const discarded = await call(gateway, 'POST', path, { as: 'operator', body: { reason: 'no such customer' } });
    expect(discarded).toMatchObject({ status: 200, body: { state: 'discarded' } });
    expect(await ledgerOf(gateway)).toMatchObject({ dead: 0, discarded: 1, total: 1 });
    const { body } = await call(gateway, 'GET', '/ops/audit?limit=1', { as: 'operator' });
    expect(body['items']).toMatchObject([
      { actor: 'shift', action: 'dead-letter.discard', target: recordId, details: { reason: 'no such customer' } },
    ]);
  });
});
