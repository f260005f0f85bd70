/** An error of the token endpoint (RFC 6749 §5.2); `description` repeats the text, as the service seems to do (docs/wire-facts.md §1.6). */
export class OAuthRefusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
    this.name = 'OAuthRefusal';
  }

  get headers(): Record<string, string> {
    return this.status === 401 ? { 'www-authenticate': 'Basic realm="genesys"' } : {};
  }

  body(): Record<string, string> {
    return { error: this.code, description: this.message, error_description: this.message };
  }
}
