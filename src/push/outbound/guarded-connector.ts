import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { asError, GatewayError } from '../../common/errors.js';
import type { AddressPolicy } from './address-policy.js';
import type { NameResolver } from './name-resolver.js';

/** A connection was not made, because callbacks may not go where its host leads. */
export class AddressRefusedError extends GatewayError {
  readonly code = 'push.address-refused';

  constructor() {
    // Says nothing about what was found: that would map the network behind the gateway for whoever may subscribe.
    super('the host leads to no address that callbacks may go to; PUSH_ALLOWED_HOSTS can allow the host');
  }
}

/**
 * Connects only where the policy lets it: a name is resolved once, its addresses are judged, and the connection is made
 * to one of those, so that nothing can change in between (DNS rebinding).
 *
 * @param timeoutMs for connecting, TLS included
 */
export function guardedConnector(
  policy: AddressPolicy,
  names: NameResolver,
  timeoutMs: number,
): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false, lookup: guardedLookup(policy, names) });
  return (options, callback) => {
    // Node.js resolves names only: the look-up never sees an address in a URL.
    if (isIP(options.hostname) !== 0 && !policy.permits(options.hostname, options.hostname)) {
      queueMicrotask(() => callback(new AddressRefusedError(), null));
      return;
    }
    connect(options, callback);
  };
}

function guardedLookup(policy: AddressPolicy, names: NameResolver): LookupFunction {
  return (host, options, callback) => {
    permittedAddresses(policy, names, host).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) callback(new AddressRefusedError(), []);
        else if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(asError(error), []),
    );
  };
}

async function permittedAddresses(policy: AddressPolicy, names: NameResolver, host: string): Promise<LookupAddress[]> {
  const found = await (policy.isListed(host) ? names.systemAddresses(host) : names.publicAddresses(host));
  return found.filter(({ address }) => policy.permits(address, host));
}
