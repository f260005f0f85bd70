import { SimulatedClock } from './common/clock.js';
import { listen } from './common/http-server.js';
import { makeControlServer } from './control/control-api.js';
import { GenesysCloud } from './genesys/genesys-cloud.js';
import type { GenesysOptionsInput } from './genesys/options.js';
import { CommunicationHistory } from './history/communication-history.js';
import type { HistoryOptionsInput } from './history/options.js';

export interface SimulatorOptions {
  genesys?: Partial<GenesysOptionsInput>;
  history?: Partial<HistoryOptionsInput>;
  /** Where to listen; default 127.0.0.1. */
  host?: string;
  /** The host name in the URLs that are given out; default `host`. */
  publicHost?: string;
  /** The API's URL as the channels' connect URIs name it, for a proxy in front of it; default: the API itself. */
  publicApiUrl?: string;
  /** Default 0: free ports. */
  ports?: { login?: number; api?: number; history?: number; control?: number };
}

export interface Simulator {
  loginUrl: string;
  apiUrl: string;
  /** Full URL of the record endpoint. */
  historyUrl: string;
  controlUrl: string;
  genesys: GenesysCloud;
  history: CommunicationHistory;
  clock: SimulatedClock;
  /** Ends all connections and servers; again: the same. */
  stop(): Promise<void>;
}

/** Starts Genesys Cloud, CommunicationHistory-manager and the control API, each on a port of its own. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', publicHost = host, ports = {} } = options;
  const clock = new SimulatedClock();
  const genesys = new GenesysCloud(clock, options.genesys);
  const history = new CommunicationHistory(clock, options.history);
  const control = makeControlServer({ genesys, history, clock });
  const end = async (): Promise<void> => {
    await Promise.all([control.close(), genesys.stop(), history.stop()]);
    clock.stop();
  };
  let ended: Promise<void> | undefined;
  const stop = (): Promise<void> => (ended ??= end());
  try {
    const { publicApiUrl } = options;
    const [loginPort, apiPort] = [ports.login ?? 0, ports.api ?? 0];
    const urls = await genesys.start({ host, publicHost, loginPort, apiPort, publicApiUrl });
    const historyUrl = await history.start(host, ports.history ?? 0, publicHost);
    const controlUrl = await listen(control, host, ports.control ?? 0, publicHost);
    return { ...urls, historyUrl, controlUrl, genesys, history, clock, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export type { RecordedRequest } from './common/http-server.js';
export type { RecordedFrame } from './genesys/genesys-events.js';
export type { ReceivedRecord } from './history/communication-history.js';
