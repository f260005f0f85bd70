import { pemPair } from '../../../test/helpers/provider-files.js';
import { apnsToken } from '../publishers/apns.publisher.js';
import { ProviderToken, ProviderTokenError } from './provider-token.js';

const MINUTE = 60_000;
const never = new AbortController().signal;

describe('the token for a push service', () => {
  let now = 1_000_000;
  let asked = 0;
  const counted = (lifeMs = 10 * MINUTE): ProviderToken =>
    new ProviderToken(
      async () => ({ value: `t${String(++asked)}`, lifeMs }),
      MINUTE,
      () => now,
    );

  beforeEach(() => {
    now = 1_000_000;
    asked = 0;
  });

  it('is asked for once by all who need it, and kept until it ends', async () => {
    const token = counted();
    expect(await Promise.all([token.get(never), token.get(never)])).toEqual(['t1', 't1']);
    now += 10 * MINUTE - 1;
    expect(await token.get(never)).toBe('t1');
    now += 1;
    expect(await token.get(never)).toBe('t2');
  });

  it('is replaced once however many have found it rejected', async () => {
    const token = counted();
    const first = await token.get(never);
    expect([token.discard(first), token.discard(first)]).toEqual([0, 0]);
    expect(await Promise.all([token.get(never), token.get(never)])).toEqual(['t2', 't2']);
    expect(token.discard(first)).toBe(0);
    expect(await token.get(never)).toBe('t2');
  });

  it('is not replaced again before the time that the service asks for', async () => {
    const token = counted();
    token.discard(await token.get(never));
    const second = await token.get(never);
    now += 20_000;
    expect(token.discard(second)).toBe(MINUTE - 20_000);
    expect(await token.get(never)).toBe('t2');
    now += 40_000;
    expect(token.discard(second)).toBe(0);
    expect(await token.get(never)).toBe('t3');
  });

  it('remembers a failure for as long as the endpoint asks for, 5 s at least', async () => {
    let fails: number | undefined = 8_000;
    const token = new ProviderToken(
      async () => {
        asked++;
        if (fails !== undefined) throw new ProviderTokenError('no', { retryAfterMs: fails });
        return { value: 'good', lifeMs: MINUTE };
      },
      MINUTE,
      () => now,
    );
    await expect(token.get(never)).rejects.toThrow(ProviderTokenError);
    now += 7_999;
    await expect(token.get(never)).rejects.toMatchObject({ retryAfterMs: 8_000 });
    expect(asked).toBe(1);
    now += 1;
    fails = undefined;
    expect(await token.get(never)).toBe('good');
    expect(new ProviderTokenError('no').retryAfterMs).toBe(5_000);
  });

  it('goes on being asked for when one who waits for it gives up', async () => {
    let give: (value: string) => void = () => undefined;
    const answer = new Promise<string>((resolve) => (give = resolve));
    const token = new ProviderToken(async () => ({ value: await answer, lifeMs: MINUTE }), MINUTE);
    const impatient = new AbortController();
    const given = expect(token.get(impatient.signal)).rejects.toBe('late');
    const patient = token.get(never);
    impatient.abort('late');
    await given;
    give('there');
    expect(await patient).toBe('there');
  });
});

describe('Apple’s provider token', () => {
  it('is replaced after 50 minutes, within the hour that Apple takes it and after the 20 minutes that Apple wants it kept', async () => {
    const { pem } = pemPair('ec');
    const { createPrivateKey } = await import('node:crypto');
    let now = 1_800_000_000_000;
    const settings = { kind: 'token', keyId: 'K', teamId: 'T', key: createPrivateKey(pem) } as const;
    const token = apnsToken(settings, () => now);
    const first = await token.get(never);
    now += 50 * MINUTE - 1;
    expect(await token.get(never)).toBe(first);
    now += 1;
    const second = await token.get(never);
    expect(second).not.toBe(first);
    now += 19 * MINUTE;
    expect(token.discard(second)).toBe(MINUTE);
  });
});
