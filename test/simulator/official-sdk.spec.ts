import { randomUUID } from 'node:crypto';
import platformClient from 'purecloud-platform-client-v2';
import { mixedDay } from '../../simulator/genesys/conversations/mixed-day.js';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { OfficialModels } from './official-models.js';

const topicOf = (id: string): string => `v2.detail.events.conversation.${id}.acw`;

/** The simulator as the official JavaScript SDK sees it: each of its answers fits the official model. */
describe('the official SDK', () => {
  const models = new OfficialModels();
  const client = platformClient.ApiClient.instance;
  const notifications = new platformClient.NotificationsApi();
  const conversations = new platformClient.ConversationsApi();
  let simulator: Simulator;

  /** One address at a time, which is all that the SDK knows of gateways. */
  const leadTo = (url: string): void => {
    const { hostname: host, port } = new URL(url);
    client.setGateway({ host, port: Number(port), protocol: 'http' });
  };

  beforeAll(async () => {
    // It would watch a file of the user's for as long as the process lives.
    client.config.live_reload_config = false;
    simulator = await startSimulator();
    leadTo(simulator.loginUrl);
    await client.loginClientCredentialsGrant('demo-client', 'demo-secret');
    leadTo(simulator.apiUrl);
  });
  afterAll(() => simulator.stop());

  it('knows the models', () => {
    expect(models.size).toBeGreaterThan(3_000);
    expect(models.misfits({ id: 1, connecturi: 'x' }, 'Models.Channel')).toEqual([
      'Models.Channel.id is a number, not a string',
      'Models.Channel.connecturi is not in Channel',
    ]);
  });

  it('is refused with wrong credentials', async () => {
    leadTo(simulator.loginUrl);
    await expect(client.loginClientCredentialsGrant('demo-client', 'wrong')).rejects.toMatchObject({ status: 401 });
    await client.loginClientCredentialsGrant('demo-client', 'demo-secret');
    leadTo(simulator.apiUrl);
  });

  it('makes a channel, subscribes, lists, replaces and clears', async () => {
    const channel = await notifications.postNotificationsChannels();
    expect(models.misfits(channel, 'Models.Channel')).toEqual([]);
    const id = channel.id as string;
    const [first, second] = [topicOf(randomUUID()), topicOf(randomUUID())];
    const added = await notifications.postNotificationsChannelSubscriptions(id, [{ id: first }], {
      ignoreErrors: true,
    });
    expect(models.misfits(added, 'Models.ChannelTopicEntityListing')).toEqual([]);
    expect(added.entities).toMatchObject([{ id: first, state: 'Permitted' }]);
    await notifications.putNotificationsChannelSubscriptions(id, [{ id: second }]);
    const listed = await notifications.getNotificationsChannelSubscriptions(id);
    expect(models.misfits(listed, 'Models.ChannelTopicEntityListing')).toEqual([]);
    expect(listed.entities?.map((topic) => topic.id)).toEqual([second]);
    const channels = await notifications.getNotificationsChannels({ includechannels: 'oauthclient' });
    expect(models.misfits(channels, 'Models.ChannelEntityListing')).toEqual([]);
    expect(channels.entities).toHaveLength(1);
    await notifications.deleteNotificationsChannelSubscriptions(id);
    expect(simulator.genesys.topics()).toEqual([]);
  });

  it('reads what a topic needs', async () => {
    const expand = ['requiresPermissions', 'permissionDetails', 'transports'];
    const topics = await notifications.getNotificationsAvailabletopics({ expand });
    expect(models.misfits(topics, 'Models.AvailableTopicEntityListing')).toEqual([]);
    expect(topics.entities?.map(({ id }) => id)).toContain('v2.detail.events.conversation.{id}.acw');
  });

  it('looks up every conversation of a mixed day, in bulk and singly', async () => {
    const day = mixedDay(5, 60);
    for (const { plan } of day) simulator.genesys.conversations.begin(plan);
    const look = async (): Promise<string[]> => {
      const ids = day.map(({ plan }) => plan.id);
      const bulk = await conversations.getAnalyticsConversationsDetails({ id: ids });
      const single = await Promise.all(ids.map((id) => conversations.getConversation(id)));
      expect([bulk.conversations?.length, single.length]).toEqual([60, 60]);
      return [
        ...models.misfits(bulk, 'Models.AnalyticsConversationWithoutAttributesMultiGetResponse'),
        ...single.flatMap((each) => models.misfits(each, 'Models.Conversation')),
      ];
    };
    const unfinished = await look();
    for (const { plan } of day) simulator.genesys.conversations.complete(plan.id, {});
    simulator.clock.advance(60_000);
    expect([...new Set([...unfinished, ...(await look())])]).toEqual([]);
  });

  it('reads the wrap-up codes', async () => {
    const codes = await new platformClient.RoutingApi().getRoutingWrapupcodes({ pageSize: 100 });
    expect(models.misfits(codes, 'Models.WrapupCodeEntityListing')).toEqual([]);
    expect(codes.entities).toMatchObject([{ name: 'Resolved' }]);
  });
});
