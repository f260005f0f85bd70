import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import type { Environment } from '../../src/config/environment.js';
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.js';
import { eventually } from '../helpers/process-scene.js';
import { buildImage } from './image.js';

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: { gateway: { environment: Environment }; simulator: { command: string[] } };
};

describe("the image's folder, made as the Dockerfile says", () => {
  let into: string;
  let image: ReturnType<typeof buildImage>;
  let path: string;

  beforeAll(() => {
    into = mkdtempSync(join(tmpdir(), 'gateway-image-'));
    image = buildImage(into);
    // Nothing of the checkout: only Node.js, npm and the system's own.
    const rest = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
    path = [image.bin, ...rest].join(delimiter);
  }, 60_000);
  afterAll(() => rmSync(into, { recursive: true, force: true }));

  it('has no Node.js beside that of the base image', () => {
    const entries = readdirSync(image.folder, { recursive: true, withFileTypes: true });
    expect(entries.length).toBeGreaterThan(5_000);
    const nodes = entries.filter((entry) => !entry.isDirectory() && /^node(\.exe)?$/.test(entry.name));
    expect(nodes.map(({ parentPath }) => parentPath)).toEqual([]);
  });

  it('has no sources and no development packages', () => {
    expect(readdirSync(image.folder).sort()).toEqual(['data', 'dist', 'node_modules', 'package.json', 'scripts']);
    const packages = readdirSync(join(image.folder, 'node_modules'));
    expect(packages).toEqual(expect.arrayContaining(['fastify', 'pg', 'undici']));
    for (const name of ['jest', 'eslint', 'prettier']) expect(packages).not.toContain(name);
  });

  describe('with the simulator of the image', () => {
    let simulator: ChildProcess;
    let environment: Environment;

    beforeAll(async () => {
      const [, program = ''] = compose.services.simulator.command;
      simulator = spawn('node', [program, '--port', '0'], {
        cwd: image.folder,
        env: { PATH: path },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const printed: Record<string, string> = {};
      const lines = createInterface({ input: simulator.stdout as NonNullable<ChildProcess['stdout']> });
      await new Promise<void>((resolve, reject) => {
        simulator.once('exit', (code) => reject(new Error(`the simulator ended with ${code}`)));
        lines.on('line', (line) => {
          const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
          if (name === undefined || value === undefined) return;
          printed[name] = value;
          if (name === 'HISTORY_URL') resolve();
        });
      });
      const { gateway } = compose.services;
      const file = gateway.environment['DATABASE_URL']?.replace('/app', image.folder);
      environment = {
        ...image.env,
        ...gateway.environment,
        ...printed,
        DATABASE_URL: file,
        HOST: '127.0.0.1',
        PORT: '0',
      };
    });
    afterAll(async () => {
      const ended = once(simulator, 'exit');
      simulator.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    });

    it.each([
      ['node', 'dist/scripts/doctor.js'],
      ['npm', 'run', '--silent', 'doctor', '--'],
    ])('%s … finds nothing wrong', (program, ...args) => {
      const { status, stdout, stderr } = spawnSync(program, [...args, '--with-channel', '--send-sample', '--json'], {
        cwd: image.folder,
        env: { ...environment, PATH: path },
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string }[] };
      const ok = checks.filter((check) => check.status === 'ok').map(({ name }) => name);
      expect(ok).toEqual(expect.arrayContaining(['database', 'token', 'topic', 'new channel', 'history', 'sample']));
    });

    it.each(['CMD', 'npm start'])('%s comes to ready, and the stop signal ends it with 0', async (name) => {
      const command = name === 'CMD' ? image.command : ['npm', 'start'];
      const gateway = await spawnGateway({ ...environment, PATH: path }, { command, cwd: image.folder });
      const { pid } = gateway.logs.find(({ msg }) => msg === 'listening') as unknown as { pid: number };
      try {
        await ready(gateway);
        const [, ...args] = image.healthcheck;
        const probe = spawnSync('node', args, { env: { PATH: path, PORT: new URL(gateway.url).port } });
        expect(probe.status).toBe(0);
        process.kill(pid, image.stopSignal);
        expect(await gateway.exited).toBe(0);
      } finally {
        // Under npm the gateway is a grandchild: the end of npm alone would leave it.
        if (gateway.child.exitCode === null) process.kill(pid, 'SIGKILL');
        await gateway.end('SIGKILL');
      }
    });
  });

  it('npm run encrypt works', () => {
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'encrypt'], {
      cwd: image.folder,
      env: { ...image.env, PATH: path, GENESYS_CLIENT_SECRET: 'secret' },
      input: 'Bearer s3cret\n',
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^enc:v1:[0-9a-f]{8}:[\w-]+\n$/);
  });
});

async function ready({ url }: GatewayProcess): Promise<void> {
  await eventually(async () => {
    const answer = await fetch(`${url}/health/ready`);
    await answer.arrayBuffer();
    return answer.ok;
  });
}
