import { parseArgs } from 'node:util';

export const HELP = `npm run watch -- --conversation <id> [options]     follows conversations of a running gateway, live

  --conversation <id>   which one; several by comma, or the option again. With GENESYS_STREAM=direct: none for all
  --type <types>        only these types of events, by comma: user.start,user.end,wrapup
  --include <fields>    only these fields, by comma, as dotted paths: userId,message.text
  --exclude <fields>    not these fields; wins over --include
  --url <url>           where the gateway is (http://127.0.0.1:3000)
  --key <key>           an API key with the role publish or admin; better in the variable GATEWAY_KEY, which other
                        users of this machine do not see
  --json                one JSON object a line instead of text
  --help                this text

It prints a line for each event (time, conversation, type, fields that are not empty) until Ctrl-C, as long as the terminal is wide;
a pipe gets the whole line, and --json all fields. It connects again when the connection is lost.
What happened meanwhile is not repeated. Everything that is no event goes to standard error.
`;

/** The command line is not understood; the message says which part. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface WatchOptions {
  help: boolean;
  /** With its query. */
  url: URL;
  key: string | undefined;
  json: boolean;
}

const text = { type: 'string', multiple: true } as const;

/** @throws UsageError */
export function parseOptions(args: string[], environment: Readonly<Record<string, string | undefined>>): WatchOptions {
  const values = read(args);
  const base = values.url ?? 'http://127.0.0.1:3000';
  const url = URL.parse('/conversations/events', base);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`--url takes the address of a gateway, such as http://127.0.0.1:3000, not "${base}".`);
  }
  const lists = {
    conversationId: values.conversation,
    eventType: values.type,
    include: values.include,
    exclude: values.exclude,
  };
  for (const [name, list] of Object.entries(lists)) if (list) url.searchParams.set(name, list.join(','));
  return { help: values.help, url, key: values.key ?? environment['GATEWAY_KEY'], json: values.json };
}

function read(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      allowPositionals: false,
      options: {
        conversation: text,
        type: text,
        include: text,
        exclude: text,
        url: { type: 'string' },
        key: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}
