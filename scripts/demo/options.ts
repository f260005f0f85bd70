import { parseArgs } from 'node:util';

export const HELP = `npm run demo                 plays a day of a contact centre; in a terminal it then stays up and prints the links
npm run demo -- --once       ends after the summary: 0 when everything was delivered exactly once, else 1
npm run demo -- --conversations 500    how many conversations (default 220)
`;

/** The command line is not understood; the message says which part. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface DemoOptions {
  help: boolean;
  once: boolean;
  conversations: number;
}

/** @throws UsageError */
export function parseOptions(args: string[]): DemoOptions {
  const { help, once, conversations: text } = read(args);
  const conversations = Number(text);
  if (!Number.isInteger(conversations) || conversations < 1) {
    throw new UsageError(`--conversations takes a whole number from 1, not "${text}".`);
  }
  return { help, once, conversations };
}

function read(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        once: { type: 'boolean', default: false },
        conversations: { type: 'string', default: '220' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}
