import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z, ZodError } from 'zod';
import { genesysOptions } from './genesys/options.js';
import { historyOptions } from './history/options.js';
import type { SimulatorOptions } from './index.js';

/** The command line is not understood; the message says which part and where help is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface CommandLine {
  help: boolean;
  simulator: SimulatorOptions;
}

interface Flag {
  group: 'program' | 'genesys' | 'history';
  /** The option's name; that of the flag is its kebab-case form. */
  option: string;
  value: string;
  help: string;
}

/** Ports next to each other, so that people can remember them. */
const DEFAULT_PORTS = { control: 4010, login: 4011, api: 4012, history: 4013 };

const program = (option: string, value: string, help: string): Flag => ({ group: 'program', option, value, help });
const genesys = (option: string, value: string, help: string): Flag => ({ group: 'genesys', option, value, help });

const flags: Flag[] = [
  program('port', 'n', `control API (${DEFAULT_PORTS.control}); 0 picks a free one, for each of the four`),
  program('loginPort', 'n', `login host (${DEFAULT_PORTS.login})`),
  program('apiPort', 'n', `API host and sockets (${DEFAULT_PORTS.api})`),
  program('historyPort', 'n', `communication history (${DEFAULT_PORTS.history})`),
  program('host', 'address', 'where to listen (127.0.0.1)'),
  program('publicHost', 'name', 'host name in the URLs that are given out (the same)'),
  genesys('clientId', 'text', 'demo-client'),
  genesys('clientSecret', 'text', 'demo-secret'),
  genesys('orgName', 'text', 'demo-org'),
  genesys('samlCertificate', 'file', 'PEM; assertions are verified against it'),
  genesys('samlAudience', 'text', 'audience that assertions must name'),
  genesys('tokenLifeS', 's', '86400'),
  genesys('heartbeatMs', 'ms', '30000'),
  genesys('subscribeDelayMs', 'ms', 'time a subscription takes to spread (0)'),
  genesys('closingGraceMs', 'ms', 'from socket_closing to the close (60000)'),
  genesys('channelLifeMs', 'ms', '86400000'),
  genesys('maxChannels', 'n', '20'),
  genesys('maxTopics', 'n', '1000'),
  genesys('requestsPerMinute', 'n', 'per token (300)'),
  genesys('lookupLagMs', 'ms', 'conversation look-ups behind events (0)'),
  genesys('analyticsLagMs', 'ms', 'analytics look-ups behind events (0)'),
  genesys('subscribeAnswer', 'all|added', 'what POST subscriptions lists (all)'),
  genesys('forbiddenTopics', 'list', 'refused topics, by comma; * stands for anything'),
  { group: 'history', option: 'token', value: 'text', help: 'Bearer token that the history demands' },
  { group: 'history', option: 'repeatStatus', value: '409|200', help: 'how a known key is answered (409)' },
];

const flagName = ({ group, option }: Flag): string =>
  (group === 'history' ? `history-${option}` : option).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export function usage(): string {
  const lines = flags.map((flag) => `  --${`${flagName(flag)} <${flag.value}>`.padEnd(30)} ${flag.help}`);
  return [
    'Usage: npm run simulator -- [options]',
    '',
    'Genesys Cloud and CommunicationHistory-manager on this machine, for development, tests and demonstrations.',
    'It prints the environment with which the gateway uses it, and runs until SIGINT or SIGTERM.',
    '',
    ...lines,
    '  --help                           this text',
    '',
    `Drive it over the control API, e.g.  curl -s http://127.0.0.1:${DEFAULT_PORTS.control}/`,
  ].join('\n');
}

/** Throws UsageError. */
export function parseCommandLine(args: string[]): CommandLine {
  const values = read(args);
  const given = (group: Flag['group']): Record<string, unknown> =>
    Object.fromEntries(
      flags
        .filter((flag) => flag.group === group && values[flagName(flag)] !== undefined)
        .map((flag) => [flag.option, valueOf(flag, String(values[flagName(flag)]))]),
    );
  try {
    const { port, loginPort, apiPort, historyPort, ...hosts } = programOptions.parse(given('program'));
    const free = port === 0;
    const ports = {
      control: port ?? DEFAULT_PORTS.control,
      login: loginPort ?? (free ? 0 : DEFAULT_PORTS.login),
      api: apiPort ?? (free ? 0 : DEFAULT_PORTS.api),
      history: historyPort ?? (free ? 0 : DEFAULT_PORTS.history),
    };
    const { host, publicHost } = hosts;
    const simulator: SimulatorOptions = {
      ports,
      genesys: genesysOptions.parse(given('genesys')),
      history: historyOptions.parse(given('history')),
      ...(host !== undefined && { host }),
      ...(publicHost !== undefined && { publicHost }),
    };
    return { help: values['help'] === true, simulator };
  } catch (error) {
    if (error instanceof ZodError) throw new UsageError(`${z.prettifyError(error)}\nSee --help.`);
    throw error;
  }
}

const port = z.number().int().min(0).max(65_535).optional();
const programOptions = z.strictObject({
  port,
  loginPort: port,
  apiPort: port,
  historyPort: port,
  host: z.string().optional(),
  publicHost: z.string().optional(),
});

function read(args: string[]): Record<string, string | boolean | undefined> {
  const texts = Object.fromEntries(flags.map((flag) => [flagName(flag), { type: 'string' as const }]));
  try {
    return parseArgs({ args, options: { ...texts, help: { type: 'boolean', short: 'h' } }, allowPositionals: false })
      .values;
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\nSee --help.`, { cause });
  }
}

function valueOf(flag: Flag, text: string): unknown {
  if (flag.value === 'file') return fileText(flag, text);
  if (flag.value === 'list') return text.split(',').filter((item) => item !== '');
  if (['n', 's', 'ms', '409|200'].includes(flag.value)) {
    const number = Number(text);
    if (text.trim() === '' || Number.isNaN(number))
      throw new UsageError(`--${flagName(flag)} takes a number, not '${text}'.`);
    return number;
  }
  return text;
}

function fileText(flag: Flag, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`--${flagName(flag)} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
