import '../src/require-node.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startSimulator, type Simulator } from '../simulator/index.js';
import { audit, type Audit } from './demo/audit.js';
import { ContactCentre } from './demo/contact-centre.js';
import { EXIT_INTERRUPTED, onCtrlC, unlessPressed, untilPressed } from './demo/ctrl-c.js';
import { type GatewayChild, type LogLine, startGatewayChild } from './demo/gateway-child.js';
import { HELP, parseOptions, UsageError } from './demo/options.js';
import { planDay, type PlannedConversation, TROUBLE } from './demo/plan.js';
import { Screen } from './demo/screen.js';

/** Each conversation is shown in full until so many have been; the rest is counted. */
const SHOWN_IN_FULL = 3;
/** After the last conversation: the longest that a look-up and a held delivery may take here. */
const PATIENCE_MS = 45_000;
const KEYS = { intake: 'demo-intake-key-0123456789', admin: 'demo-admin-key-0123456789' };

async function main(): Promise<number> {
  const { help, once, conversations } = parseOptions(process.argv.slice(2));
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const pressed = onCtrlC();
  const screen = new Screen();
  const shown = new Set<string>();
  const simulator = await startSimulator({ genesys: { closingGraceMs: 5_000, heartbeatMs: 5_000 } });
  const gateway = await startGatewayChild(environment(simulator, temporaryFolder()), showLog(screen, shown));
  const day = playDay(screen, simulator, gateway, planDay(conversations), shown, pressed);
  const result = await unlessPressed(pressed, day);
  if (result && process.stdout.isTTY && !once) await stayUp(screen, simulator, gateway, pressed);
  const code = await gateway.stop();
  screen.row('gateway ended by SIGTERM with code', code ?? 'none', code === 0);
  if (!result) return EXIT_INTERRUPTED;
  return isPerfect(result) && code === 0 ? 0 : 1;
}

/** Goes with the process, however that ends in order. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'genesys-gateway-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function environment(simulator: Simulator, folder: string): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    API_KEYS: `bofe:intake:${KEYS.intake},operator:admin:${KEYS.admin}`,
    GENESYS_LOGIN_URL: simulator.loginUrl,
    GENESYS_API_URL: simulator.apiUrl,
    GENESYS_CLIENT_ID: 'demo-client',
    GENESYS_CLIENT_SECRET: 'demo-secret',
    GENESYS_GRANT: 'client-credentials',
    HISTORY_URL: simulator.historyUrl,
    DATABASE_URL: `file:${join(folder, 'gateway.db')}`,
    CHANNEL_LINGER_MS: '1000',
    // An event that never comes is found within the patience below; a centre at work waits for minutes.
    LOOKUP_SWEEP_S: '10',
    RETRY_BASE_MS: '250',
    RETRY_CAP_MS: '2000',
    LOG_LEVEL: 'debug',
  };
}

/** The gateway's own words on channels, gaps and what it captured; everything else is seen from outside. */
function showLog(screen: Screen, shown: ReadonlySet<string>): (line: LogLine) => void {
  return (line) => {
    const text = (name: string): string => String(line[name]);
    if (line.msg === 'channel state') screen.step('channel', `no. ${text('channel')}: ${text('from')} → ${text('to')}`);
    if (line.msg === 'gap begins') screen.step('gap', `${text('topics')} topics not covered: ${text('reason')}`);
    if (line.msg === 'gap ended') screen.step('gap ended', `after ${text('seconds')} s; what was missed is looked up`);
    if (line.msg === 'captured' && shown.has(text('conversation'))) {
      screen.step('captured', `${short(text('conversation'))} by ${text('obtainedBy')}`);
    }
  };
}

async function playDay(
  screen: Screen,
  simulator: Simulator,
  gateway: GatewayChild,
  plan: readonly PlannedConversation[],
  shown: Set<string>,
  pressed: AbortSignal,
): Promise<Audit> {
  const interactions = plan.reduce((sum, { agents }) => sum + agents.length, 0);
  screen.title(`A contact centre's day, the gateway at ${gateway.url}`);
  screen.write(
    `${plan.length} conversations, ${interactions} interactions: each agent of a transferred conversation hands in one.`,
  );
  showSteps(screen, simulator, shown);
  const centre = new ContactCentre(simulator, gateway.url, KEYS.intake, (conversation) => {
    if (shown.size < SHOWN_IN_FULL) shown.add(conversation.id);
    if (shown.has(conversation.id)) {
      screen.step(
        'accepted',
        `${conversation.mediaType.toLowerCase()} ${short(conversation.id)} of ${conversation.customerId}`,
      );
    }
  });
  const tally = setInterval(() => screen.tally(tallyText(simulator, centre)), 2_000);
  pressed.addEventListener('abort', () => clearInterval(tally));
  const troubled = makeTrouble(screen, simulator);
  try {
    await Promise.all(plan.map((conversation) => centre.play(conversation)));
    await troubled;
    await quiet(simulator, centre);
  } finally {
    clearInterval(tally);
  }
  const result = audit(simulator, centre.accepted);
  await summarise(screen, simulator, gateway, result);
  return result;
}

function showSteps(screen: Screen, simulator: Simulator, shown: Set<string>): void {
  const conversationOf = (topic: string): string => topic.split('.')[4] ?? '';
  const { genesys, history } = simulator;
  genesys.on('token', ({ grant, expiresInS }) =>
    screen.step('token', `granted by ${grant} for ${expiresInS / 3600} h`),
  );
  genesys.on('subscribed', ({ topics }) => showTopics('subscribed', topics));
  genesys.on('unsubscribed', ({ topics }) => showTopics('unsubscribed', topics));
  history.on('record', ({ body }) => {
    const { conversationId = '', wrapup } = body as { conversationId?: string; wrapup?: { code?: string } };
    if (shown.has(conversationId)) screen.step('delivered', `${short(conversationId)} with wrap-up ${wrapup?.code}`);
  });
  const showTopics = (step: string, topics: string[], text = ''): void => {
    for (const id of topics.map(conversationOf)) if (shown.has(id)) screen.step(step, `${short(id)}${text}`);
  };
}

async function makeTrouble(screen: Screen, simulator: Simulator): Promise<void> {
  const { genesys, history } = simulator;
  const at = async (ms: number, text: string, work: () => void): Promise<void> => {
    await delay(ms);
    screen.trouble(text);
    work();
  };
  await Promise.all([
    at(TROUBLE.socketClosing, 'Genesys announces that it closes the socket (maintenance)', () =>
      genesys.faults.socketClosing('all'),
    ),
    at(TROUBLE.droppedSocket, 'the network drops the socket, events are missed', () => {
      genesys.faults.refuseUpgrade({ count: 3, status: 503 });
      genesys.faults.closeSocket('all');
    }),
    at(TROUBLE.historyDown, 'the history service answers 503', () => history.fail({ status: 503 })),
    at(TROUBLE.historyUp, 'the history service is back', () => history.recover()),
  ]);
}

/** Waits until everything is delivered and nothing is subscribed, or the patience is over: the summary tells. */
async function quiet(simulator: Simulator, centre: ContactCentre): Promise<void> {
  const delivered = (): boolean => simulator.history.records.size >= centre.accepted.length;
  const released = (): boolean => simulator.genesys.channels().every((channel) => !channel.connected);
  await simulator.history.waitFor(delivered, PATIENCE_MS).catch(() => undefined);
  await simulator.genesys.waitFor(() => delivered() && released(), 10_000).catch(() => undefined);
}

function tallyText(simulator: Simulator, centre: ContactCentre): string {
  const topics = simulator.genesys.topics().length;
  return `accepted ${centre.accepted.length}   work finished ${centre.finished}   delivered ${simulator.history.records.size}   topics subscribed ${topics}`;
}

async function summarise(screen: Screen, simulator: Simulator, gateway: GatewayChild, result: Audit): Promise<void> {
  const ledger = (await ask(gateway, '/ops/ledger')) as Record<string, number>;
  screen.title('Summary, by what the history service keeps');
  screen.row('interactions accepted', result.accepted);
  screen.row('delivered', result.delivered, result.delivered === result.accepted);
  screen.row('  of these found by look-up', result.byLookup);
  screen.row('lost', result.lost, result.lost === 0);
  screen.row('duplicates', result.duplicates, result.duplicates === 0);
  screen.row('wrong', result.wrong, result.wrong === 0);
  screen.row('repeats dropped by their key', result.repeats);
  screen.row('topics still subscribed', simulator.genesys.topics().length);
  screen.row('sockets still open', simulator.genesys.channels().filter((channel) => channel.connected).length);
  screen.row(
    "the gateway's ledger",
    Object.entries(ledger)
      .filter(([, n]) => n > 0)
      .map(([name, n]) => `${name} ${n}`)
      .join(', '),
  );
  screen.row('seconds', screen.seconds.toFixed(1));
}

async function ask(gateway: GatewayChild, path: string): Promise<unknown> {
  const answer = await fetch(`${gateway.url}${path}`, { headers: { 'x-api-key': KEYS.admin } });
  return answer.json();
}

async function stayUp(
  screen: Screen,
  simulator: Simulator,
  gateway: GatewayChild,
  pressed: AbortSignal,
): Promise<void> {
  screen.title('Still up. Ctrl+C ends it.');
  screen.row('API documentation', `${gateway.url}/docs`);
  screen.row('health', `${gateway.url}/health`);
  screen.row('ledger (header X-API-Key)', `${gateway.url}/ops/ledger   ${KEYS.admin}`);
  screen.row('hand in interactions with the key', KEYS.intake);
  screen.row('drive the simulator', simulator.controlUrl);
  await untilPressed(pressed);
}

function isPerfect(result: Audit): boolean {
  return result.lost === 0 && result.duplicates === 0 && result.wrong === 0 && result.delivered === result.accepted;
}

function short(id: string): string {
  return id.slice(0, 8);
}

try {
  // What is still under way when Ctrl+C ends the day is not waited for.
  process.exit(await main());
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
