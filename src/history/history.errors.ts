import { GatewayError } from '../common/errors.js';

/** The mapping failed on a real record. The message says where, without anything of the record. */
export class MappingFailedError extends GatewayError {
  readonly code = 'history.mapping-failed';
}
