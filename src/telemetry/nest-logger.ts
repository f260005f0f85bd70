import type { LoggerService } from '@nestjs/common';
import type { Log, Logs } from './logs.js';

/** Contexts of Nest whose errors are thrown on after they were logged; whoever started the application logs them. */
const THROWN_ON = ['ExceptionHandler', 'NestApplication'];

/** Nest's own log lines (modules, routes, its errors) on our log, with Nest's context as the component. */
export class NestLogger implements LoggerService {
  private readonly children = new Map<string, Log>();

  constructor(private readonly logs: Logs) {}

  log(message: unknown, ...rest: unknown[]): void {
    // Nest reports each module and each route at this level: of no interest in a service's everyday log.
    this.write('debug', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (THROWN_ON.includes(String(rest.at(-1)))) return;
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest passes (message, ...more, context), and (message, stack, context) for errors. */
  private write(level: 'trace' | 'debug' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const context = rest.length > 0 && typeof rest.at(-1) === 'string' ? String(rest.at(-1)) : undefined;
    const more = context === undefined ? rest : rest.slice(0, -1);
    const stack = more.find((part) => typeof part === 'string' && part.includes('\n    at '));
    const log = this.child(context ?? 'nest');
    if (message instanceof Error) log[level]({ err: message }, message.message);
    else log[level](stack === undefined ? {} : { stack }, String(message));
  }

  private child(context: string): Log {
    let log = this.children.get(context);
    if (log === undefined) {
      log = this.logs.of(context);
      // Contexts are class names, so few; a caller that makes them up must not grow this map.
      if (this.children.size < 200) this.children.set(context, log);
    }
    return log;
  }
}
