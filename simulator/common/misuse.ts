/** Somebody asks the simulator for what it cannot do; the message says what and why. */
export class Misuse extends Error {
  override readonly name: string = 'Misuse';
}

/** Something that was named is not there. */
export class NotThere extends Misuse {
  override readonly name = 'NotThere';
}
