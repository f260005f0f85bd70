import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { serveCommands } from '../processes/worker.js';

// A contact centre of its own in a process of its own: Genesys Cloud and the history as the simulator has them, agents who talk
// and finish, and BOFE. Every REST request that Genesys Cloud sees is counted here.

export interface CentreAddresses {
  loginUrl: string;
  apiUrl: string;
  historyUrl: string;
}

export interface Gateway {
  url: string;
  key: string;
}

/** Hand-ins at an even pace; each agent finishes between these times after it. */
export interface Day extends Gateway {
  perSecond: number;
  seconds: number;
  workMs: readonly [from: number, to: number];
}

export interface Asked {
  /** Interactions that were handed in. */
  interactions: number;
  /** REST requests that Genesys Cloud saw in this time, tokens among them. */
  requests: number;
  bulk: number;
  single: number;
}

export interface Gap extends Gateway {
  interactions: number;
  /** How far look-ups lag behind, drawn for each conversation: nine in ten up to the first, the others up to the second. */
  lagMs: readonly [usual: number, most: number];
}

export interface Regained {
  /** From when a look-up could have shown the work until its record was taken, in ms; sorted. */
  afterMs: number[];
}

let centre: Simulator | undefined;
const open = (): Simulator => {
  if (!centre) throw new Error('the centre has not started');
  return centre;
};

async function handIn({ url, key }: Gateway, conversationId: string): Promise<void> {
  const answer = await fetch(`${url}/customers/supportInteraction`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ conversationId, customerId: 'C-1' }),
  });
  if (answer.status !== 202) throw new Error(`a hand-in was answered with ${answer.status}: ${await answer.text()}`);
}

const between = ([from, to]: readonly [number, number]): number => from + Math.random() * (to - from);

function count(from: number, interactions: number): Asked {
  const requests = open().genesys.requests.slice(from);
  const on = (path: string): number => requests.filter((request) => request.path.startsWith(path)).length;
  return {
    interactions,
    requests: requests.length,
    bulk: on('/api/v2/analytics/conversations/details'),
    single: on('/api/v2/conversations/'),
  };
}

const commands = {
  async start(): Promise<CentreAddresses> {
    centre = await startSimulator();
    const { loginUrl, apiUrl, historyUrl } = centre;
    return { loginUrl, apiUrl, historyUrl };
  },

  /** Resolves with what was asked while it went on; what is unfinished then is left. */
  async day(day: Day): Promise<Asked> {
    const { genesys } = open();
    const [from, since] = [genesys.requests.length, performance.now()];
    const total = Math.round(day.perSecond * day.seconds);
    for (let begun = 0; begun < total; begun += 1) {
      await sleep(Math.max(0, since + (begun * 1_000) / day.perSecond - performance.now()));
      const id = randomUUID();
      genesys.conversations.start({ id });
      await handIn(day, id);
      setTimeout(() => genesys.conversations.finishWork(id), between(day.workMs)).unref();
    }
    return count(from, total);
  },

  /** Nothing is handed in for so long. */
  async idle(seconds: number): Promise<Asked> {
    const from = open().genesys.requests.length;
    await sleep(seconds * 1_000);
    return count(from, 0);
  },

  /** The sockets are lost, everybody finishes without an event, and look-ups show it late. */
  async gap({ interactions, lagMs, ...gateway }: Gap): Promise<Regained> {
    const { genesys, history } = open();
    const ids = Array.from({ length: interactions }, () => randomUUID());
    for (const id of ids) genesys.conversations.start({ id });
    for (const id of ids) await handIn(gateway, id);
    await genesys.waitFor(() => genesys.topics().length === ids.length, 30_000);
    const shownAt = new Map<string, number>();
    const afterMs: number[] = [];
    const off = history.on('record', ({ body }) => {
      const at = shownAt.get((body as { conversationId: string }).conversationId);
      if (at !== undefined) afterMs.push(Math.max(0, performance.now() - at));
    });
    genesys.faults.closeSocket('all');
    for (const [nth, id] of ids.entries()) {
      const lag = nth % 10 < 9 ? between([0, lagMs[0]]) : between(lagMs);
      genesys.conversations.lag(id, { analytics: lag, single: lag });
      genesys.conversations.finishWork(id, { suppressEvent: true });
      shownAt.set(id, performance.now() + lag);
    }
    await history.waitFor(() => afterMs.length === ids.length, lagMs[1] + 600_000);
    off();
    return { afterMs: afterMs.sort((a, b) => a - b) };
  },
};

export type Centre = typeof commands;
serveCommands(commands);
