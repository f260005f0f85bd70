import { Injectable } from '@nestjs/common';
import { pino } from 'pino';
import type { Bindings, DestinationStream, Logger, LoggerOptions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { errorForLogs } from './error-serializer.js';
import { OutageLines } from './outage-lines.js';
import type { Config } from '../config/config.js';

/** A logger bound to one component. */
export type Log = Logger;

/**
 * Fields that are secrets under whatever object they are logged. A second line of defence: the rule is not to log them
 * at all. A channel's connect URI is a secret: whoever knows it reads the events (docs/wire-facts.md §2.1).
 */
const SECRET_FIELDS = [
  'access_token',
  'accessToken',
  'apiKey',
  'assertion',
  'authorization',
  'Authorization',
  'clientSecret',
  'client_secret',
  'connectUri',
  'cookie',
  'password',
  'secret',
  'token',
  '["x-api-key"]',
  '["X-API-Key"]',
];

function redactPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) => {
    const under = (prefix: string): string => (field.startsWith('[') ? `${prefix}${field}` : `${prefix}.${field}`);
    return [field, under('*'), under('*.*')];
  });
}

/** Formats each line on its way, in this process and without a buffer, so that nothing is lost at an exit. */
function readable(target: DestinationStream): DestinationStream {
  const format = prettyFactory({
    ignore: 'pid,component',
    messageFormat: '{component}: {msg}',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => target.write(format(line)) };
}

/** The process's log: JSON lines, or readable text with `LOG_FORMAT=pretty`. */
@Injectable()
export class Logs {
  private constructor(readonly root: Log) {}

  /**
   * @param destination where the lines go, standard output unless given. Writes are synchronous either way, so that the
   * last line before a crash is there.
   */
  static to(settings: Config['log'], destination?: DestinationStream): Logs {
    const lines = new OutageLines();
    const options: LoggerOptions = {
      level: settings.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorForLogs, error: errorForLogs },
      hooks: {
        logMethod(args, method, level) {
          lines.logMethod(this, args, method, level);
        },
      },
      redact: { paths: redactPaths(), censor: '[redacted]' },
    };
    const target = destination ?? pino.destination({ dest: 1, sync: true });
    return new Logs(pino(options, settings.format === 'pretty' ? readable(target) : target));
  }

  /** Says nothing: for unit tests. */
  static silent(): Logs {
    return new Logs(pino({ level: 'silent' }));
  }

  /** The logger of one component; `bindings` are on each of its lines. */
  of(component: string, bindings: Bindings = {}): Log {
    return this.root.child({ component, ...bindings });
  }
}
