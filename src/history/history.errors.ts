import { GatewayError } from '../common/errors.js';

/** HISTORY_MAPPING_FILE cannot be used: the service does not start with it. */
export class MappingInvalidError extends GatewayError {
  readonly code = 'history.mapping-invalid';
}

/** The mapping failed on a real record. The message says where, without anything of the record. */
export class MappingFailedError extends GatewayError {
  readonly code = 'history.mapping-failed';
}
