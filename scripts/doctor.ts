import '../src/require-node.js';
import 'reflect-metadata';
import { examine, exitCodeOf } from './doctor/examination.js';
import { Installation } from './doctor/installation.js';
import { type DoctorOptions, HELP, parseOptions, UsageError } from './doctor/options.js';
import { Report } from './doctor/report.js';
import { STEPS } from './doctor/steps.js';

/** EX_USAGE of sysexits.h */
const EXIT_USAGE = 64;

async function main(options: DoctorOptions): Promise<number> {
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const installation = new Installation(options);
  const report = new Report(options.json, () => installation.secrets);
  try {
    const examined = await examine(STEPS, installation, (each) => report.told(each));
    report.end(examined);
    return exitCodeOf(examined);
  } finally {
    await installation.close();
  }
}

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nSee --help.\n`);
  process.exitCode = EXIT_USAGE;
}
