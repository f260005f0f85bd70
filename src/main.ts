import './require-node.js';
import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { createGateway } from './bootstrap.js';
import { asError, GatewayError } from './common/errors.js';
import { EXIT_CONFIG, loadConfigOrExit } from './config/boot.js';
import { ConfigError } from './config/config-error.js';
import { crashOnUncaught, end, endOnSignals } from './lifecycle/process-signals.js';
import { causeForLogs } from './telemetry/error-serializer.js';
import { Logs } from './telemetry/logs.js';

async function main(): Promise<void> {
  const config = loadConfigOrExit();
  const logs = Logs.to(config.log);
  crashOnUncaught(logs);
  let started: INestApplicationContext | undefined;
  try {
    const app = await createGateway(config);
    started = app;
    endOnSignals(app);
    await app.listen(config.server.port, config.server.host);
    logs.of('gateway').info({ url: await app.getUrl() }, 'listening');
  } catch (thrown) {
    // What a settings file says is found while the parts are made; it is the operator's to repair, as the environment is.
    if (thrown instanceof ConfigError) {
      process.stderr.write(thrown.render());
      process.exit(EXIT_CONFIG);
    }
    logs.of('gateway').fatal(reasonForLogs(thrown), 'the gateway could not start');
    // Its background parts may run already: left alone they would take work that nobody could ask about.
    if (started) await end(started, 'could not start');
    process.exit(1);
  }
}

/** A busy port or a database that is away is the operator's to repair: the place in the code tells nothing, and is left out. */
function reasonForLogs(thrown: unknown): object {
  const expected = thrown instanceof GatewayError || (thrown instanceof Error && 'syscall' in thrown);
  return expected ? { cause: causeForLogs(thrown) } : { err: asError(thrown) };
}

await main();
