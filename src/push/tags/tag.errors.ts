import { PushError } from '../push.errors.js';

/** 400: a tag or a filter that the grammar of the Notification API ("Filters and Tags") does not have. */
export class PushSyntaxError extends PushError {
  readonly code: 'push.tag-invalid' | 'push.filter-invalid';
  override readonly status = 400;
  readonly exception = 'com.genesyslab.gsg.services.notification.InvalidRequestException';
  override readonly details: { field: string; message: string }[];

  /** @param message what is wrong, at which position, and the rule; without the field's name */
  constructor(field: 'tag' | 'filter', message: string) {
    super(`${field}: ${message}`);
    this.code = `push.${field}-invalid`;
    this.details = [{ field, message }];
  }
}
