import './common/require-node.js';
import { Console } from 'node:console';
import { parseCommandLine, usage } from './command-line.js';
import { startSimulator } from './index.js';

/** EX_USAGE of sysexits.h */
const EXIT_USAGE = 64;

/** For the gateway on the same machine, and for nothing else; those of docker-compose.yml. */
const API_KEYS = 'bofe:intake:demo-intake-key-0001,ops:admin+publish:demo-admin-key-0001';

const terminal = new Console(process.stdout, process.stderr);

async function main(): Promise<void> {
  const { help, simulator: options } = parseCommandLine(process.argv.slice(2));
  if (help) {
    terminal.log(usage());
    return;
  }
  const simulator = await startSimulator(options);
  const { loginUrl, apiUrl, historyUrl, controlUrl, genesys, history } = simulator;
  const { clientId, clientSecret, orgName, samlCertificate } = genesys.options;
  const grant =
    samlCertificate === undefined
      ? ['GENESYS_GRANT=client-credentials']
      : [
          'GENESYS_GRANT=saml2-bearer',
          `GENESYS_ORG_NAME=${orgName}`,
          '# and GENESYS_SAML_ASSERTION_FILE, or the GENESYS_SAML_* of your key',
        ];
  terminal.log(
    [
      `Genesys Cloud         login ${loginUrl}   api ${apiUrl}`,
      `Communication history ${historyUrl}`,
      `Control               ${controlUrl}   (GET / lists what it can do)`,
      '',
      'The gateway uses it with:',
      `GENESYS_LOGIN_URL=${loginUrl}`,
      `GENESYS_API_URL=${apiUrl}`,
      `GENESYS_CLIENT_ID=${clientId}`,
      `GENESYS_CLIENT_SECRET=${clientSecret}`,
      ...grant,
      `HISTORY_URL=${historyUrl}`,
      `API_KEYS=${API_KEYS}`,
      ...(history.options.token === undefined ? [] : [`HISTORY_TOKEN=${history.options.token}`]),
    ].join('\n'),
  );
  const stop = (): void => void simulator.stop().then(undefined, fail);
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function fail(error: unknown): void {
  terminal.error(error instanceof Error ? error.message : String(error));
  process.exitCode = process.exitCode ?? (error instanceof Error && error.name === 'UsageError' ? EXIT_USAGE : 1);
}

main().catch(fail);
