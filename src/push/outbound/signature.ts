import { createHmac } from 'node:crypto';

/**
 * The headers by which a receiver knows that a message is ours, whole and recent: Standard Webhooks
 * (https://www.standardwebhooks.com, symmetric signatures). One signature per secret, so that secrets can be replaced
 * without a gap; none when there is no secret.
 *
 * @param id the message's, the same at every attempt
 * @param body exactly as it is sent
 * @param now epoch ms of the attempt
 */
export function signatureHeaders(
  secrets: readonly Buffer[],
  id: string,
  body: string,
  now: number = Date.now(),
): Record<string, string> {
  if (secrets.length === 0) return {};
  const timestamp = String(Math.floor(now / 1_000));
  const signatures = secrets.map((secret) => {
    const digest = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`, 'utf8').digest('base64');
    return `v1,${digest}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
