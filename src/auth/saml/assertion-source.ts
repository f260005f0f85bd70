/** An assertion as the token endpoint takes it. */
export interface Assertion {
  /** Standard base64 of the XML; the caller form-encodes it. A secret: whoever has it can get a token. */
  encoded: string;
  /** What an operator should know in case Genesys refuses it, e.g. that it has expired. */
  hint?: string;
}

/** Where assertions come from. Asked for each token: an assertion is good for one, and for minutes. */
export interface AssertionSource {
  /** @throws AssertionError */
  assertion(): Promise<Assertion>;
}
