import { ADVISED_KEY_LENGTH } from './api-keys.js';
import type { Config } from './config.js';
import type { Environment } from './environment.js';
import { VARIABLES } from './variables.js';

/** First words of our variables' names; others hardly use them. */
const OURS = new Set(
  Object.keys(VARIABLES)
    .filter((name) => name.includes('_'))
    .map(firstWord),
);

/** What Kubernetes puts into every container for each Service, e.g. HISTORY_SERVICE_HOST and HISTORY_PORT_80_TCP. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$/;

/** How many letters may differ for a name to be offered instead of an unknown one. */
const TYPO_DISTANCE = 3;

/** What is allowed but probably not meant: variables that nobody reads, secrets sent in clear, weak keys, none at all. */
export function configWarnings(env: Environment, config: Config): string[] {
  return [...unknownVariables(env), ...openToAll(config), ...weakKeys(config), ...clearText(config)];
}

/** Each variable that looks like one of ours and is none, with the name that was probably meant; never its value. */
export function unknownVariables(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => !(name in VARIABLES) && !SERVICE_LINK.test(name))
    .filter((name) => OURS.has(firstWord(name)) || isMisspelt(name))
    .sort()
    .map((name) => {
      const near = nearestName(name);
      return `${name} is set, but no variable has this name${near === undefined ? '' : `; is ${near} meant?`}`;
    });
}

/**
 * A name whose first word is none of ours, as HISTROY_URL. Short names are near to many, and those of one word (PATH, HOME)
 * are the system's: two letters, which a swap is, in a name of eight or more with an underscore.
 */
function isMisspelt(name: string): boolean {
  if (name.length < 8 || !/^[A-Z]+_[A-Z0-9_]+$/.test(name)) return false;
  return Object.keys(VARIABLES).some((known) => known.includes('_') && distance(name, known) <= 2);
}

function nearestName(name: string): string | undefined {
  const [nearest] = Object.keys(VARIABLES)
    .map((known) => ({ known, letters: distance(name, known) }))
    .filter(({ letters }) => letters <= TYPO_DISTANCE)
    .sort((a, b) => a.letters - b.letters);
  return nearest?.known;
}

function firstWord(name: string): string {
  return name.split('_', 1)[0] ?? name;
}

function openToAll({ access, server: { host } }: Config): string[] {
  if (access.mode !== 'none' || isLoopback(host)) return [];
  const danger = "whoever reaches this address may do everything and sees all customers' data";
  return [`AUTH_MODE is none and HOST is ${host}: ${danger}; set API_KEYS, or HOST=127.0.0.1`];
}

function weakKeys({ access }: Config): string[] {
  return access.keys
    .filter(({ key }) => key.length < ADVISED_KEY_LENGTH)
    .map(({ name, key }) => {
      const length = `${String(key.length)} characters`;
      return `API_KEYS: the key of "${name}" has ${length}; use ${String(ADVISED_KEY_LENGTH)} or more, so that it cannot be guessed`;
    });
}

function clearText({ genesys, history }: Config): string[] {
  const targets: [string, string, string][] = [
    ['GENESYS_LOGIN_URL', genesys.loginUrl, 'the client secret'],
    ['GENESYS_API_URL', genesys.apiUrl, 'the access token'],
    ...(history.token === undefined ? [] : [['HISTORY_URL', history.url, 'its token'] as [string, string, string]]),
  ];
  return targets
    .filter(([, url]) => url.startsWith('http:') && !isLoopback(new URL(url).hostname))
    .map(([name, , what]) => `${name} is http://, so ${what} travels in clear text`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}

/** Levenshtein's distance, in one row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
