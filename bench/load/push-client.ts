import { PUBLISH_KEY } from '../processes/gateway.js';
import { conversationId } from './conversations.js';

/** Who subscribes to callbacks and publishes, one request after the other. */
export class PushClient {
  #published = 0;

  /** @param url base address of the gateway */
  constructor(private readonly url: string) {}

  async subscribe(subscriberId: string, filter: string, deviceId: string): Promise<void> {
    await this.#post('subscription', { subscriberId, filter, notificationDetails: { type: 'httpcb', deviceId } });
  }

  async publish(tag: string): Promise<void> {
    const message = JSON.stringify({
      conversationId: conversationId(this.#published++),
      state: 'waiting',
      position: 7,
    });
    await this.#post('publish', { tag, message });
  }

  async #post(what: string, body: unknown): Promise<void> {
    await post(`${this.url}/genesys/1/notification/${what}`, body);
  }
}

/** @throws Error when the answer is none of 2xx */
export async function post(url: string, body: unknown): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${PUBLISH_KEY}` },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
}
