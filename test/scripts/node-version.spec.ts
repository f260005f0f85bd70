import { spawnSync } from 'node:child_process';

const DIST = new URL('../../dist/', import.meta.url).pathname;
const PROGRAMS = [
  'src/main.js',
  'simulator/main.js',
  'bench/main.js',
  'scripts/demo.js',
  'scripts/encrypt-secret.js',
  'scripts/watch.js',
  'scripts/write-config-docs.js',
];

/** Makes a Node.js say that it is an old one, for hosts that have none. */
const CLAIM_20 = [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.2'}})`,
];
/** The Node.js that runs npm: the host's, and not the one that npm scripts run on. */
const HOST = process.env['npm_node_execpath'];
const hostVersion =
  HOST === undefined ? '' : spawnSync(HOST, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout;

const olds: [name: string, node: string, args: string[]][] = [['one that says 20.20.2', process.execPath, CLAIM_20]];
if (HOST !== undefined && Number.parseInt(hostVersion, 10) < 22) olds.push(["the host's", HOST, []]);

describe('a Node.js that is too old', () => {
  describe.each(olds)('%s', (_, node, args) => {
    it.each(PROGRAMS)('is refused by %s with a sentence', (program) => {
      const { status, stdout, stderr } = spawnSync(node, [...args, DIST + program], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] },
        timeout: 20_000,
      });
      expect({ status, stdout }).toEqual({ status: 78, stdout: '' });
      expect(stderr).toMatch(/^This is Node\.js (1\d|2[01])\.\d+\.\d+, and the \w+ needs 22 or newer\. .*npm .*\n$/);
    });
  });
});
