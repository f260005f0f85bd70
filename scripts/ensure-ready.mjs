// Installs and builds what is missing or out of date, so that `npm start`, `npm test` and `npm run demo` work on a fresh
// clone. Runs on whatever Node.js the host has (20 or newer) and before anything is installed, so it uses nothing but
// Node.js itself. Takes well under 0.3 s when there is nothing to do.
//
//   node scripts/ensure-ready.mjs            packages and build
//   node scripts/ensure-ready.mjs packages   packages only
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const PACKAGES_STAMP = join(ROOT, 'node_modules', '.gateway-packages');
const BUILD_STAMP = join(ROOT, 'dist', '.gateway-build');
const SOURCES = ['src', 'simulator', 'scripts', 'bench'];
const BUILD_SETTINGS = ['.swcrc', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json'];

process.chdir(ROOT);
// A deployed copy without sources is ready by being there.
if (existsSync('src')) {
  ensurePackages();
  if (process.argv[2] !== 'packages') ensureBuild();
}

function ensurePackages() {
  if (stampOf(PACKAGES_STAMP) === packagesHash()) return;
  say('Installing packages (once, a minute or so) ...');
  // `npm run` says where npm is; called by hand, the shell's npm is used.
  const npm = process.env.npm_execpath;
  const [command, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  // A production setting would leave out what the build needs. Install scripts run only for those packages that package.json
  // allows: npm before 11 knows no `allowScripts` and would call a compiler for better-sqlite3, which brings its binaries.
  // With Node.js 20 npm warns of each package that wants a newer one, 82 of them; the scripts run on the one that is
  // installed here. Its errors are shown.
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund'];
  const verb = isFresh() && lockFits() ? 'ci' : 'install';
  run(command, [...before, verb, '--include=dev', '--ignore-scripts', ...quiet], `npm ${verb}`, 'inherit');
  run(
    command,
    [...before, 'rebuild', '--foreground-scripts=false', ...quiet, ...withScripts()],
    'npm rebuild',
    'inherit',
  );
  // After the install, which writes the lock file anew when package.json has changed.
  writeFileSync(PACKAGES_STAMP, packagesHash());
}

/** `npm ci` empties the folder first, where the Node.js that runs this may be. */
function isFresh() {
  return !existsSync('node_modules');
}

/** Whether the lock file was made for this package.json; `npm ci` takes no other, and leaves the file as it is. */
function lockFits() {
  if (!existsSync('package-lock.json')) return false;
  const locked = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages?.[''] ?? {};
  const wanted = JSON.parse(readFileSync('package.json', 'utf8'));
  return ['dependencies', 'devDependencies'].every((kind) => sorted(locked[kind]) === sorted(wanted[kind]));
}

function sorted(dependencies = {}) {
  return JSON.stringify(Object.entries(dependencies).sort());
}

function ensureBuild() {
  const hash = sourcesHash();
  if (stampOf(BUILD_STAMP) === hash) return;
  say('Building ...');
  const node = join('node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  run(node, [join('node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build'], 'nest build', 'pipe');
  mkdirSync(dirname(BUILD_STAMP), { recursive: true });
  writeFileSync(BUILD_STAMP, hash);
}

/** Installed packages whose install scripts package.json allows: the Node.js runtime, and tools for this platform. */
function withScripts() {
  const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  return Object.keys(allowScripts).filter((name) => allowScripts[name] && existsSync(join('node_modules', name)));
}

/** Scripts and other fields of package.json may change without an install; another platform needs one. */
function packagesHash() {
  const { dependencies, devDependencies, overrides, allowScripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const wanted = JSON.stringify({ dependencies, devDependencies, overrides, allowScripts });
  const lock = existsSync('package-lock.json') ? readFileSync('package-lock.json', 'utf8') : '';
  return hashOf([process.platform, process.arch, wanted, lock]);
}

/** Names, sizes and times, not contents: some hundred files in a few milliseconds. */
function sourcesHash() {
  const files = SOURCES.filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
  return hashOf(
    [...files, ...BUILD_SETTINGS].sort().map((name) => {
      const { size, mtimeMs } = statSync(name);
      return `${name} ${size} ${mtimeMs}`;
    }),
  );
}

function hashOf(parts) {
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

function stampOf(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function run(command, args, what, stdio) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { stdio, encoding: 'utf8' });
  if (status === 0) return;
  if (stdio === 'pipe') process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  say(`${what} failed${error === undefined ? '' : `: ${error.message}`}; see above.`);
  process.exit(status ?? 1);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
