import '../src/require-node.js';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { orExit, readEnvironment } from '../src/config/boot.js';
import { parseSecretKeys } from '../src/config/environment.js';
import { PROVIDERS_CONTEXT, SecretBox } from '../src/push/secrets/secret-box.js';

const HELP = `npm run --silent encrypt < secret.txt      prints the sealed form (enc:v1:…) for PUSH_PROVIDERS_FILE

Reads the secret from standard input and never from the command line, where other users would see it; one line break at
its end does not count. Of the gateway's environment (or its .env file) it needs PUSH_SECRET_KEYS, of which the first seals, or,
while that is unset, GENESYS_CLIENT_SECRET, from which a key is made.
`;

/** EX_USAGE of sysexits.h */
const EXIT_USAGE = 64;
/** The largest that providers hand out, a Google service account's file, has some 2.5 KB. */
const MAX_LENGTH = 64 * 1024;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h', default: false } } });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const box = new SecretBox({ push: orExit(() => parseSecretKeys(readEnvironment()), undefined, 'encrypt') });
  if (process.stdin.isTTY) process.stderr.write('Enter the secret, then press Ctrl-D on a line of its own:\n');
  const secret = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (secret === '' || secret.length > MAX_LENGTH) {
    process.stderr.write(
      `a secret has 1 to ${String(MAX_LENGTH)} characters, standard input had ${String(secret.length)}\n`,
    );
    return EXIT_USAGE;
  }
  process.stdout.write(`${box.seal(secret, PROVIDERS_CONTEXT)}\n`);
  return 0;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exitCode = EXIT_USAGE;
  },
);
