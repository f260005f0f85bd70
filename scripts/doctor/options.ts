import { parseArgs } from 'node:util';

export const HELP = `npm run doctor -- [options]     checks this installation step by step; in the container: node dist/scripts/doctor.js

  --with-channel        also makes a notification channel, opens its socket, subscribes a topic and clears it again. A channel
                        cannot be deleted: it holds one of the client's 20 places for up to 24 h. The 21st channel evicts
                        another without a word, the oldest without a socket first; so none is made while 20 are in use
  --conversation <id>   looks this conversation up and shows the record that it would give: data of a customer
  --send-sample         sends a record marked as a sample to the history service, under a key of its own
  --json                one JSON object instead of text
  --help                this text

It reads the gateway's environment, and the .env file as npm start does. Beside what these options name it changes nothing:
it runs no migration and sends no record. Each line says ok, warning, FAILURE or skipped, why, and after the arrow what to do.
No secret is printed.

Exit code: 0 ok or warnings; 1 something failed; 64 a wrong option; 78 the configuration is broken, as npm start says it.
`;

/** The command line is not understood; the message says which part. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface DoctorOptions {
  help: boolean;
  json: boolean;
  withChannel: boolean;
  sendSample: boolean;
  /** In small letters. */
  conversation: string | undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws UsageError */
export function parseOptions(args: string[]): DoctorOptions {
  const { help, json, conversation, ...flags } = read(args);
  const id = conversation?.trim().toLowerCase();
  if (id !== undefined && !UUID.test(id)) {
    throw new UsageError(`--conversation takes the id of a conversation (a UUID), not "${conversation ?? ''}".`);
  }
  return { help, json, withChannel: flags['with-channel'], sendSample: flags['send-sample'], conversation: id };
}

function read(args: string[]) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({
      args,
      allowPositionals: false,
      options: {
        'with-channel': flag,
        'send-sample': flag,
        conversation: { type: 'string' },
        json: flag,
        help: { ...flag, short: 'h' },
      },
    });
    return values;
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}
