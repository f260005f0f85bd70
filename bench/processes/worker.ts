import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What a worker process can do, by name; arguments and results travel as messages. */
export type Commands = Record<string, (argument: never) => unknown>;

interface Order {
  no: number;
  name: string;
  argument: unknown;
}

type Answer = { no: number; result: unknown } | { no: number; error: string };

/** To be called once by the program of a worker. It ends when its parent does. */
export function serveCommands(commands: Commands): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (order: Order) => {
    void carryOut(commands, order).then((answer) => process.send?.(answer));
  });
}

async function carryOut(commands: Commands, { no, name, argument }: Order): Promise<Answer> {
  try {
    return { no, result: await commands[name]?.(argument as never) };
  } catch (error) {
    return { no, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Ties a process to the benchmark: it does not outlive us, and when it ends before `letGo`, so do we, since others wait for it. */
export function tie(child: ChildProcess, name: string): void {
  running.add(child);
  child.once('exit', (code, signal) => {
    if (!running.delete(child)) return;
    console.error(`${name} ended with ${code ?? signal}`);
    process.exit(1);
  });
}

/** Ends a process that was tied, and waits for it. */
export async function letGo(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!running.delete(child)) return;
  child.kill(signal);
  await once(child, 'exit');
}

/** A process of the benchmark's own: a load generator or a bare program. */
export class Worker<C extends Commands> {
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #orders = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly name: string,
  ) {
    child.on('message', (answer: Answer) => this.#answered(answer));
  }

  /** @param file of the program, below bench/, without its ending */
  static start<C extends Commands>(file: string): Worker<C> {
    const child = fork(new URL(`../${file}.js`, import.meta.url), {
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    tie(child, file);
    return new Worker<C>(child, file);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** @throws Error with the worker's own words */
  call<N extends keyof C & string>(
    name: N,
    ...[argument]: Parameters<C[N]> extends [] ? [] : Parameters<C[N]>
  ): Promise<Awaited<ReturnType<C[N]>>> {
    const no = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(no, { resolve: resolve as (result: unknown) => void, reject });
      this.child.send({ no, name, argument });
    });
  }

  end(): Promise<void> {
    return letGo(this.child, 'SIGKILL');
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.no);
    this.#waiting.delete(answer.no);
    if ('error' in answer) waiting?.reject(new Error(`${this.name}: ${answer.error}`));
    else waiting?.resolve(answer.result);
  }
}
