import { readFile, writeFile } from 'node:fs/promises';
import type { Examined } from '../../scripts/doctor/examination.js';
import { linesOf, summaryOf } from '../../scripts/doctor/report.js';
import type { Simulator } from '../../simulator/index.js';
import { packageJson } from '../../src/common/package-json.js';
import type { StorageTarget } from '../../src/config/config.js';
import { MIGRATIONS } from '../../src/storage/migrations/index.js';

const PAGE = new URL('../../docs/doctor.md', import.meta.url).pathname;
/** As in a terminal of this width. */
const COLUMNS = 110;
/** Those of `npm run simulator`; a second one's are 1,000 higher. */
const PORTS = { login: 4011, api: 4012, history: 4013 };

/**
 * docs/doctor.md, whose outputs are real ones: each is compared with what was just printed, or, with `WRITE_DOCS=1`, written
 * anew. What differs from run to run (ports, paths, versions) is replaced.
 */
export class DoctorPage {
  private readonly write = process.env['WRITE_DOCS'] === '1';

  async shows(
    name: string,
    checks: readonly Examined[],
    simulators: readonly Simulator[],
    target: StorageTarget,
  ): Promise<void> {
    const stable = JSON.parse(stabilised(JSON.stringify(checks), simulators, target)) as Examined[];
    const lines = [...stable.flatMap((each) => linesOf(each, COLUMNS)), '', summaryOf(stable)];
    const block = ['```text', ...lines.map((line) => line.trimEnd()), '```'].join('\n');
    const page = await readFile(PAGE, 'utf8');
    const place = new RegExp(`(<!-- output: ${name} -->\n\n)(\`\`\`text\n[\\s\\S]*?\n\`\`\`)`);
    if (this.write)
      await writeFile(
        PAGE,
        page.replace(place, (_, mark: string) => mark + block),
      );
    else expect(place.exec(page)?.[2]).toBe(block);
  }
}

function stabilised(json: string, simulators: readonly Simulator[], target: StorageTarget): string {
  const version = (node: string, gateway: string): string => `Node.js ${node}, genesys-gateway ${gateway}`;
  const replaced: [string, string][] = [
    ...simulators.flatMap((simulator, index) => addressesOf(simulator, 1_000 * index)),
    [version(process.versions.node, packageJson().version), version('24.21.0', '0.1.0')],
    [Object.keys(MIGRATIONS).at(-1) ?? '', '0016-waiting-order'],
    target.kind === 'sqlite' ? [target.file, '/app/data/gateway.db'] : [placeOf(target.url), 'postgres:5432/gateway'],
  ];
  return replaced.reduce((text, [from, to]) => text.replaceAll(from, to), json);
}

function addressesOf({ loginUrl, apiUrl, historyUrl }: Simulator, above: number): [string, string][] {
  const to = (port: number): string => `127.0.0.1:${port + above}`;
  return [
    [new URL(loginUrl).host, to(PORTS.login)],
    [new URL(apiUrl).host, to(PORTS.api)],
    [new URL(historyUrl).host, to(PORTS.history)],
  ];
}

function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname;
}
