import { acwTopic } from '../../../src/conversations/acw-topic.js';
import { type Check, failure, ok, warning } from '../check.js';

const TOPIC = acwTopic('{id}');

/** Whether the after-call-work topic can be had over channels, and what it asks for. */
export const topic: Check = {
  name: 'topic',
  needs: ['region'],
  async run({ genesys, options, lacking }, signal) {
    const topics = await genesys.availableTopics({ signal, tries: 1 });
    const acw = topics.find(({ id }) => id.toLowerCase() === TOPIC);
    if (!acw) {
      return failure(
        `${TOPIC} is none of the ${topics.length} topics that Genesys offers here`,
        'Ask Genesys whether this region and organisation have it. Without it after-call work is found by look-ups only.',
      );
    }
    const { permissions, transports } = acw;
    const needs = permissions.length === 0 ? 'names no permission' : `needs ${permissions.join(', ')}`;
    const by = transports.length === 0 ? 'without a word on its transports' : `by ${transports.join(', ')}`;
    const text = `${TOPIC} is offered, ${needs}, and comes ${by}`;
    const facts = { topic: TOPIC, permissions, transports };
    if (transports.length > 0 && !transports.some((each) => /^(all|websocket)$/i.test(each))) {
      return failure(text, 'Channels are WebSockets: ask Genesys why this topic is not offered there.', { facts });
    }
    const lacked = permissions.filter((permission) => lacking.has(permission));
    if (lacked.length > 0) {
      return warning(
        `${text}. The client lacks ${lacked.join(', ')}, as a look-up has shown`,
        'Without it no after-call work is heard of, it is found by look-ups only; grant it as said above.',
        { facts: { ...facts, lacking: lacked } },
      );
    }
    const more = options.withChannel ? [] : ['Whether the client has what it needs, --with-channel tells.'];
    return ok(text, { facts, more });
  },
};
