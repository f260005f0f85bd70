import { Injectable } from '@nestjs/common';
import { type Subscription, take } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { GenesysForbiddenError } from '../genesys/genesys.errors.js';
import { Logs } from '../telemetry/logs.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { IntakeService } from './intake.service.js';

/** Requests are billed, and codes change seldom: the list is asked for no more often. */
const EVERY_MS = 60 * 60_000;
/** Pages of a hundred that are read. An organisation may have 10,000 codes at most, and few have more than hundreds. */
const MOST_PAGES = 100;
/** Codes of Genesys' own, such as ININ-WRAP-UP-TIMEOUT, are in no list: they are their names. */
const BUILT_IN = /^ININ-/;

/**
 * The names of wrap-up codes, for people who read records. Nobody waits for them: what is not known yet, or must not be seen
 * (`routing:wrapupCode:view`), is left out. Asked for when interactions begin to come and when a code is not known.
 */
@Injectable()
export class WrapupNames {
  private names: ReadonlyMap<string, string> = new Map();
  private askedAt = -Infinity;
  private readonly outage: OutageLog;
  private readonly tasks: BackgroundTasks;
  private readonly stopped = new AbortController();
  private subscription: Subscription | undefined;

  constructor(
    private readonly client: GenesysClient,
    private readonly intake: IntakeService,
    logs: Logs,
  ) {
    this.outage = new OutageLog(logs.of('lookups'), 'the list of wrap-up codes');
    this.tasks = new BackgroundTasks((error) => this.failed(error));
  }

  start(): void {
    this.subscription = this.intake.accepted$.pipe(take(1)).subscribe(() => this.askSoon());
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.subscription?.unsubscribe();
    await this.tasks.idle();
  }

  /** The code's name, where it is known by now. */
  nameOf(code: string | undefined): string | undefined {
    if (code === undefined) return undefined;
    const name = this.names.get(code);
    if (name === undefined && !BUILT_IN.test(code)) this.askSoon();
    return name;
  }

  private askSoon(): void {
    const now = performance.now();
    if (this.stopped.signal.aborted || now - this.askedAt < EVERY_MS) return;
    this.askedAt = now;
    this.tasks.run('wrap-up codes', () => this.ask());
  }

  private async ask(): Promise<void> {
    const options = { signal: this.stopped.signal, priority: 'sweep', tries: 1 } as const;
    const names = new Map<string, string>();
    for (let page = 1, pages = 1; page <= Math.min(pages, MOST_PAGES); page += 1) {
      const answer = await this.client.wrapupCodes(page, options);
      for (const { id, name } of answer.codes) names.set(id, name);
      ({ pages } = answer);
    }
    this.names = names;
    this.outage.recovered();
  }

  private failed(error: unknown): void {
    if (this.stopped.signal.aborted) return;
    const hint =
      error instanceof GenesysForbiddenError ? { hint: 'does the OAuth client have routing:wrapupCode:view?' } : {};
    this.outage.failed(error, { ...hint, consequence: 'records have wrap-up codes without names' });
  }
}
