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

/** 400: the tag is one of the gateway's own events; whoever hears it must be able to trust who speaks. */
export class TagReservedError extends PushError {
  readonly code = 'push.tag-reserved';
  override readonly status = 400;
  readonly exception = 'com.genesyslab.gsg.services.notification.InvalidRequestException';
  override readonly details: { field: string; message: string }[];

  constructor(tag: string) {
    const message = `${tag} begins with genesys., which only the gateway's own events do; publish on another tag.`;
    super(`tag: ${message}`);
    this.details = [{ field: 'tag', message }];
  }
}
