import { GatewayError } from '../common/errors.js';

/** What an entry says while the database is away: whoever it is about may be well. */
export class BacklogUnknownError extends GatewayError {
  readonly code = 'storage.unavailable';

  constructor() {
    super('The database does not answer (see storage): nothing can be delivered, and the backlog is not known.');
  }
}

/** Why a replica that ran has no channels. */
export class LeaseLostError extends GatewayError {
  readonly code = 'replica.lost';

  constructor() {
    super(
      'The lease of this replica could not be renewed (see storage), and another one may take its channels over: its sockets ' +
        'are closed until it has a lease again. What is missed meanwhile is looked up.',
    );
  }
}
