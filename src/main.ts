import 'reflect-metadata';
import { createGateway } from './bootstrap.js';
import { asError } from './common/errors.js';
import { loadConfigOrExit } from './config/boot.js';
import { crashOnUncaught, endOnSignals } from './lifecycle/process-signals.js';
import { Logs } from './telemetry/logs.js';

async function main(): Promise<void> {
  const config = loadConfigOrExit();
  const logs = Logs.to(config.log);
  crashOnUncaught(logs);
  try {
    const app = await createGateway(config);
    endOnSignals(app);
    await app.listen(config.server.port, config.server.host);
    logs.of('gateway').info({ url: await app.getUrl() }, 'listening');
  } catch (thrown) {
    logs.of('gateway').fatal({ err: asError(thrown) }, 'the gateway could not start');
    process.exitCode = 1;
  }
}

await main();
