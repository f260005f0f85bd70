import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, matchesGlob, resolve } from 'node:path';

/** What a container of the image would be started with. */
interface Image {
  /** The last stage's `WORKDIR`. */
  folder: string;
  /** A folder with `node` alone: that of the base image, for the search path. */
  bin: string;
  env: Record<string, string>;
  command: string[];
  healthcheck: string[];
  stopSignal: NodeJS.Signals;
}

/** One `FROM` and what follows: a file system, of which `/` is `root`. */
interface Stage {
  root: string;
  workdir: string;
  /** Word → what it says, of the instructions that only describe. */
  settings: Map<string, string>;
}

/**
 * Makes below `into` what `docker build` would make of this checkout, in seconds and without the network: the files that the
 * Dockerfile's COPY and RUN lines name, and no others. Three commands are done in their spirit: `npm ci` and `npm prune`
 * take the checkout's packages (the production ones as links of files, so that they find nothing outside), and
 * `nest build` leaves out the type check, which `npm test` has done already.
 *
 * `into` must be outside the checkout, where Node.js would find the checkout's packages.
 *
 * @throws when a line names what is not there, or is one that this does not know
 */
export function buildImage(into: string): Image {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { word, rest } of instructionsOf(readFileSync('Dockerfile', 'utf8'))) {
    if (word === 'FROM') {
      const name = / AS (\w+)$/i.exec(rest)?.[1] ?? `stage ${stages.size}`;
      stage = { root: join(into, name), workdir: '/', settings: new Map() };
      stages.set(name, stage);
      continue;
    }
    if (!stage) throw new Error(`${word} stands before the first FROM`);
    if (word === 'WORKDIR') {
      stage.workdir = resolve(stage.workdir, rest);
      mkdirSync(join(stage.root, stage.workdir), { recursive: true });
    } else if (word === 'COPY') copy(rest, stage, stages);
    else if (word === 'RUN') for (const command of rest.split('&&')) run(command.trim(), folderOf(stage));
    else stage.settings.set(word, rest);
  }
  if (!stage) throw new Error('the Dockerfile has no FROM');
  const bin = join(into, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  const { settings } = stage;
  return {
    folder: folderOf(stage),
    bin,
    env: Object.fromEntries([(settings.get('ENV') ?? '').split('=', 2)]) as Record<string, string>,
    command: wordsOf(settings.get('CMD')),
    healthcheck: wordsOf(settings.get('HEALTHCHECK')),
    stopSignal: settings.get('STOPSIGNAL') as NodeJS.Signals,
  };
}

function instructionsOf(dockerfile: string): { word: string; rest: string }[] {
  const lines = dockerfile
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  return lines.filter(Boolean).map((line) => {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? [];
    return { word, rest };
  });
}

const folderOf = ({ root, workdir }: Stage): string => join(root, workdir);

/** The JSON list of a CMD; HEALTHCHECK has options and the word CMD before it. */
function wordsOf(instruction = '[]'): string[] {
  return JSON.parse(instruction.slice(instruction.indexOf('['))) as string[];
}

function copy(rest: string, stage: Stage, stages: Map<string, Stage>): void {
  const [, from, paths = ''] = /^(?:--from=(\w+) )?(.+)$/.exec(rest) ?? [];
  const sources = paths.split(' ');
  const target = sources.pop() ?? '';
  const to = join(stage.root, resolve(stage.workdir, target));
  for (const source of sources) {
    const path = from === undefined ? source : join(stages.get(from)?.root ?? '', source);
    if (!existsSync(path) || (from === undefined && isIgnored(path))) throw new Error(`COPY: there is no ${source}`);
    const at = target.endsWith('/') && !statSync(path).isDirectory() ? join(to, basename(path)) : to;
    if (from === undefined) cpSync(path, at, { recursive: true, filter: (file) => !isIgnored(file) });
    else link(path, at);
  }
}

const ignorePatterns = readFileSync('.dockerignore', 'utf8').split('\n').filter(Boolean);

/** The last pattern that fits a path, or a folder that it is in, decides. */
function isIgnored(path: string): boolean {
  const parts = path.split('/');
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  const last = ignorePatterns.findLast((pattern) =>
    paths.some((each) => matchesGlob(each, pattern.startsWith('!') ? pattern.slice(1) : pattern)),
  );
  return last !== undefined && !last.startsWith('!');
}

function run(command: string, folder: string): void {
  if (command.startsWith('npm ci ')) installPackages(folder);
  else if (command === 'npx nest build') build(folder);
  else if (command.startsWith('npm prune --omit=dev ')) removeDevelopmentPackages(folder);
  // Plain names below the folder only: this runs on the machine itself.
  else if (/^(rm -rf|mkdir)( [\w@.*-]+(\/[\w@.*-]+)*)+$/.test(command) && !command.includes('..'))
    shell(command, folder);
  // Only root may give files away, and the users of this machine are others.
  else if (!/^chown \S+ \S+$/.test(command)) throw new Error(`RUN: the test does not know how to do ${command}`);
}

/** Packages as the lock file lists them: path → whether production needs it. */
function packagesIn(folder: string): [path: string, production: boolean][] {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  const paths = Object.keys(packages).filter((path) => path !== '' && !path.includes('/node_modules/'));
  // Packages of other platforms are not installed.
  return paths.filter((path) => existsSync(path)).map((path) => [path, packages[path]?.dev !== true]);
}

/** As `npm ci`, from the checkout. Development packages are tools of the build: links to their folders do. */
function installPackages(folder: string): void {
  for (const [path, production] of packagesIn(folder)) {
    if (production) link(path, join(folder, path));
    else {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      symlinkSync(resolve(path), join(folder, path));
    }
  }
  link('node_modules/.bin', join(folder, 'node_modules/.bin'));
}

function removeDevelopmentPackages(folder: string): void {
  for (const [path, production] of packagesIn(folder)) if (!production) rmSync(join(folder, path));
  const bin = join(folder, 'node_modules/.bin');
  for (const name of readdirSync(bin)) if (!existsSync(join(bin, name))) rmSync(join(bin, name));
}

function build(folder: string): void {
  const settings = JSON.parse(readFileSync(join(folder, 'nest-cli.json'), 'utf8')) as { compilerOptions: object };
  const untyped = { ...settings, compilerOptions: { ...settings.compilerOptions, typeCheck: false } };
  writeFileSync(join(folder, 'nest-cli.untyped.json'), JSON.stringify(untyped));
  const args = ['node_modules/@nestjs/cli/bin/nest.js', 'build', '--config', 'nest-cli.untyped.json'];
  succeed(process.execPath, args, folder);
}

function shell(command: string, folder: string): void {
  succeed('sh', ['-c', command], folder);
}

function succeed(program: string, args: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`RUN: ${program} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
}

/** A second tree of the same files, which costs no room where the file system knows hard links. */
function link(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  if (!statSync(from).isDirectory()) return linkFile(from, to);
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (entry.isDirectory()) link(source, target);
    else linkFile(source, target);
  }
}

function linkFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    // The folder for temporary files may be on another disk.
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    copyFileSync(from, to);
  }
}
