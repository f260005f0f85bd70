import { setTimeout as delay } from 'node:timers/promises';
import type { Simulator } from '../../simulator/index.js';
import type { Expected } from './audit.js';
import type { PlannedConversation } from './plan.js';

const TIMEOUT_CODE = 'ININ-WRAP-UP-TIMEOUT';
const CODES = ['resolved', 'call-back', 'escalated', 'wrong-number'];

/** BOFE and the agents: hand interactions in over HTTP, and finish the work at Genesys. */
export class ContactCentre {
  /** Everything that the gateway answered with 202. */
  readonly accepted: Expected[] = [];
  /** Conversations whose after-call work is over. */
  finished = 0;

  constructor(
    private readonly simulator: Simulator,
    private readonly gatewayUrl: string,
    private readonly key: string,
    private readonly onAccepted: (conversation: PlannedConversation) => void,
  ) {}

  /** Plays one conversation to its end. Rejects when the gateway does not accept an interaction. */
  async play(conversation: PlannedConversation): Promise<void> {
    await delay(conversation.beginsAt);
    const { conversations } = this.simulator.genesys;
    conversations.start({
      id: conversation.id,
      mediaType: conversation.mediaType,
      agents: conversation.agents.map((userId) => ({ userId })),
    });
    await Promise.all(conversation.agents.map((agentId, nth) => this.playAgent(conversation, agentId, nth)));
  }

  private async playAgent(conversation: PlannedConversation, agentId: string, nth: number): Promise<void> {
    const wrapupCode = conversation.story === 'timeout' ? TIMEOUT_CODE : (CODES[nth % CODES.length] as string);
    const interactionId = await this.handIn(conversation, agentId);
    this.accepted.push({ interactionId, conversationId: conversation.id, wrapupCode });
    this.onAccepted(conversation);
    await delay(conversation.finishesAfter[nth]);
    const { conversations } = this.simulator.genesys;
    if (conversation.story === 'timeout') conversations.timeOutWork(conversation.id, { userId: agentId });
    else {
      conversations.finishWork(conversation.id, {
        userId: agentId,
        wrapupCode,
        wrapupNotes: `handled ${conversation.customerId}`,
        duplicate: conversation.story === 'duplicate',
        suppressEvent: conversation.story === 'lost-event',
      });
    }
    this.finished += 1;
  }

  private async handIn(conversation: PlannedConversation, agentId: string): Promise<string> {
    const answer = await fetch(`${this.gatewayUrl}/customers/supportInteraction`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': this.key },
      body: JSON.stringify({ conversationId: conversation.id, customerId: conversation.customerId, agentId }),
    });
    if (answer.status !== 202) throw new Error(`The gateway answered ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { id: string }).id;
  }
}
