import { VARIABLE_GROUPS } from './variables.js';
import type { Variable } from './variable.js';

const ENV_EXAMPLE_HEAD = `# Every environment variable of the gateway. Copy this file to .env for development; in production set the variables.
# Written by \`npm run docs:config\` from src/config/variables.ts. A variable that is commented out has the default shown,
# or none. To see the gateway work without any of this: npm run demo
`;

const MARKDOWN_HEAD = `# Configuration

Everything is set through environment variables, validated once at boot: every problem is listed at once, and the exit
code is 78. Outside \`NODE_ENV=production\` a \`.env\` file in the working directory is read too; the process's own
variables win. An empty variable counts as unset. This page is written by \`npm run docs:config\`.
`;

/** Not required by themselves: the defaults ask for keys, and for an assertion of an organisation. */
const NEEDED_WITH_DEFAULTS = new Set(['API_KEYS', 'GENESYS_ORG_NAME', 'GENESYS_SAML_ASSERTION_FILE']);

/** The text of `.env.example`. */
export function renderEnvExample(): string {
  const groups = VARIABLE_GROUPS.map(({ title, variables }) => {
    const lines = Object.entries(variables).map(([name, variable]) => exampleLines(name, variable));
    return `# --- ${title} ---\n\n${lines.join('\n\n')}\n`;
  });
  return [ENV_EXAMPLE_HEAD, ...groups].join('\n');
}

/** The text of docs/configuration.md. */
export function renderConfigurationPage(): string {
  const groups = VARIABLE_GROUPS.map(({ title, variables }) => {
    const rows = Object.entries(variables).map(([name, variable]) => tableRow(name, variable));
    return [`## ${title}`, '', '| variable | default | meaning | value |', '|---|---|---|---|', ...rows, ''].join('\n');
  });
  return [MARKDOWN_HEAD, ...groups].join('\n');
}

function exampleLines(name: string, { meaning, allowed, fallback, example, required }: Variable<unknown>): string {
  const value = fallback ?? example ?? '';
  // What a new .env needs with the defaults; everything else works as it is.
  const active = required === true || NEEDED_WITH_DEFAULTS.has(name);
  return `# ${meaning} It ${allowed}.\n${active ? '' : '# '}${name}=${value}`;
}

function tableRow(name: string, { meaning, allowed, fallback, required, secret }: Variable<unknown>): string {
  const standard = fallback === undefined ? (required === true ? '**required**' : '–') : `\`${fallback}\``;
  const notes = secret === true ? `${allowed}; a secret, never shown` : allowed;
  return `| \`${name}\` | ${standard} | ${cell(meaning)} | ${cell(notes)} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
