/** The part of qlobber (a topic matcher) that is compared with; it brings no types. */
declare module 'qlobber' {
  export class Qlobber<T> {
    constructor(options?: { cache_adds?: boolean });
    add(topic: string, value: T): this;
    match(topic: string): T[];
  }
}
