import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const DEMO = new URL('../../dist/scripts/demo.js', import.meta.url).pathname;
/** The demo takes a terminal for its output to be one; its day, with all its trouble, lasts some 25 s. */
const TERMINAL = 'data:text/javascript,process.stdout.isTTY=true';

/** The demo at the head of a process group of its own, as a shell starts it: a signal to the group is Ctrl+C. */
class Demo {
  out = '';
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  private readonly child: ChildProcess;
  private readonly watchers = new Set<() => void>();

  constructor() {
    this.child = spawn(process.execPath, ['--import', TERMINAL, DEMO, '--conversations', '2'], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.out += chunk.toString();
        for (const watch of [...this.watchers]) watch();
      });
    }
    this.exited = once(this.child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  /** What the first match of `wanted` has in its first group, once it is there. */
  async shows(wanted: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = wanted.exec(this.out);
        if (!match) return;
        this.watchers.delete(look);
        resolve(match[1] ?? match[0]);
      };
      this.watchers.add(look);
      void this.exited.then(() => reject(new Error(`never showed ${String(wanted)}:\n${this.out}`)));
      look();
    });
  }

  ctrlC(): void {
    process.kill(-(this.child.pid ?? Number.NaN), 'SIGINT');
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** The temporary folders of demos: none may stay behind. */
const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('genesys-gateway-demo-'));

async function ends(url: string): Promise<boolean> {
  for (let left = 100; left > 0; left -= 1) {
    const answers = await fetch(`${url}/health/live`).then(
      () => true,
      () => false,
    );
    if (!answers) return true;
    await delay(50);
  }
  return false;
}

describe('npm run demo', () => {
  let demo: Demo | undefined;
  let before: string[];

  beforeEach(() => {
    before = folders();
  });
  afterEach(async () => {
    demo?.kill();
    await demo?.exited;
    demo = undefined;
  });

  it('ends with 0 when Ctrl+C ends it after the summary, also when npm passes the signal on a second time', async () => {
    demo = new Demo();
    const url = await demo.shows(/the gateway at (\S+)/);
    await demo.shows(/Still up/);
    demo.ctrlC();
    demo.ctrlC();
    expect(await demo.exited).toEqual([0, null]);
    expect(demo.out).toMatch(/gateway ended by SIGTERM with code +0\n$/);
    expect(await ends(url)).toBe(true);
    expect(folders()).toEqual(before);
  }, 90_000);

  it('ends with 130 and leaves nothing behind when Ctrl+C comes in the middle of the day', async () => {
    demo = new Demo();
    const url = await demo.shows(/the gateway at (\S+)/);
    demo.ctrlC();
    expect(await demo.exited).toEqual([130, null]);
    expect(await ends(url)).toBe(true);
    expect(folders()).toEqual(before);
  });

  it('takes the gateway with it when it is killed', async () => {
    demo = new Demo();
    const url = await demo.shows(/the gateway at (\S+)/);
    demo.kill();
    await demo.exited;
    expect(await ends(url)).toBe(true);
  });

  it.each([['--bogus'], ['--conversations=0'], ['--conversations', 'many'], ['now']])(
    'says how it is used after %s',
    (...args) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO, ...args], { encoding: 'utf8' });
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^.*(bogus|conversations|now).*\n\nnpm run demo /);
      expect(stderr).not.toContain(' at ');
    },
  );
});
