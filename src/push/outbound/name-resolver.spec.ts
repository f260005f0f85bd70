import { testConfig } from '../../config/testing/test-config.js';
import { AddressPolicy } from './address-policy.js';
import { CallbackClient } from './callback-client.js';
import { DnsNameResolver } from './name-resolver.js';
import { NameServer } from './testing/name-server.js';
import { Receiver } from './testing/receiver.js';

const LOOPBACK_6 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

describe('DnsNameResolver', () => {
  let server: NameServer;
  let resolver: DnsNameResolver;

  beforeEach(async () => {
    server = await NameServer.listen({
      'both.example': { 4: [[127, 0, 0, 1]], 6: [LOOPBACK_6] },
      'four.example': { 4: [[192, 0, 2, 1], [192, 0, 2, 2]] }, // prettier-ignore
      'six.example': { 6: [LOOPBACK_6] },
      'none.example': {},
    });
    resolver = DnsNameResolver.asking([server.address]);
  });

  afterEach(() => server.close());

  it('finds the addresses of both families', async () => {
    expect(await resolver.publicAddresses('both.example')).toEqual([
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
    expect((await resolver.publicAddresses('four.example')).length).toBe(2);
    expect(await resolver.publicAddresses('six.example')).toEqual([{ address: '::1', family: 6 }]);
  });

  it('tells why there is none', async () => {
    await expect(resolver.publicAddresses('none.example')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.publicAddresses('unknown.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it("asks the machine itself for operators' names", async () => {
    expect((await resolver.systemAddresses('localhost')).map(({ address }) => address)).toContain('127.0.0.1');
    expect(server.questions).toEqual([]);
  });

  it('leads callbacks to the address that was judged', async () => {
    const config = testConfig({ PUSH_ALLOWED_HOSTS: '127.0.0.1' });
    const client = new CallbackClient(config, new AddressPolicy(config), resolver);
    const receiver = await Receiver.listen();
    const post = async (host: string): Promise<unknown> => {
      const url = new URL(`http://${host}:${receiver.port}/`);
      return client.post({ url, headers: {}, body: '', urlFrom: 'caller' }, new AbortController().signal);
    };
    expect(await post('both.example')).toEqual({ kind: 'answered', status: 200 });
    expect(await post('six.example')).toMatchObject({ kind: 'not-allowed' });
    await client.onApplicationShutdown();
    await receiver.close();
  });
});
