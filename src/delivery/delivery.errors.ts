import { GatewayError } from '../common/errors.js';

export class DeliveryNotFoundError extends GatewayError {
  readonly code = 'delivery.not-found';
  override readonly status = 404;

  constructor(id: string) {
    super(`There is no delivery ${id}. Delivered ones are deleted after RETENTION_DAYS.`);
  }
}

export class DeliveryNotDeadError extends GatewayError {
  readonly code = 'delivery.not-dead';
  override readonly status = 409;

  constructor(id: string, state: string) {
    super(
      state === 'discarded'
        ? `Delivery ${id} was discarded: an operator decided that it is not to be sent, and that stays. Only a dead one can be replayed.`
        : `Delivery ${id} is ${state}; only a dead one can be replayed or discarded.`,
    );
  }
}

export class CursorInvalidError extends GatewayError {
  readonly code = 'cursor.invalid';
  override readonly status = 400;

  constructor() {
    super('cursor is not one that this service gave out; leave it out to start with the newest.');
  }
}
