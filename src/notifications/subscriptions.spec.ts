import { Subscriptions } from './subscriptions.js';

describe('Subscriptions', () => {
  it('asks for what is wanted and not held', () => {
    const topics = new Subscriptions();
    topics.want('a');
    topics.want('b');
    expect(topics.nextAdds(1)).toEqual(['a']);
    topics.confirm(['a', 'b']);
    expect(topics.settled).toBe(true);
  });

  it('removes what was dropped while it was asked for', () => {
    const topics = new Subscriptions();
    topics.want('a');
    topics.drop('a');
    topics.confirm(['a']);
    expect(topics.nextRemoves(10)).toEqual(['a']);
    expect(topics.load).toBe(1);
  });

  it('asks again for what was wanted again while it was removed', () => {
    const topics = new Subscriptions();
    topics.want('a');
    topics.confirm(['a']);
    topics.drop('a');
    expect(topics.nextRemoves(10)).toEqual(['a']);
    topics.want('a');
    topics.confirmRemoved(['a']);
    expect(topics.nextAdds(10)).toEqual(['a']);
  });

  it('asks again for what was dropped and wanted again, and removes it no more', () => {
    const topics = new Subscriptions();
    topics.want('a');
    topics.confirm(['a']);
    topics.drop('a');
    topics.want('a');
    expect(topics.nextRemoves(10)).toEqual([]);
    expect(topics.nextAdds(10)).toEqual(['a']);
    topics.confirm(['a']);
    expect(topics.settled).toBe(true);
  });

  it('needs no request for what Genesys still has of a process before, and is wanted now', () => {
    const topics = new Subscriptions();
    topics.reconcile(new Set(['a']));
    topics.keep('a');
    topics.want('a');
    expect(topics.settled).toBe(true);
  });

  it('asks again for what was dropped before it was confirmed, and wanted again after', () => {
    const topics = new Subscriptions();
    topics.want('a');
    topics.drop('a');
    topics.confirm(['a']);
    topics.want('a');
    expect(topics.nextRemoves(10)).toEqual([]);
    expect(topics.nextAdds(10)).toEqual(['a']);
  });

  it('takes the list of Genesys as the truth', () => {
    const topics = new Subscriptions();
    for (const topic of ['a', 'b']) topics.want(topic);
    topics.confirm(['a', 'b']);
    expect(topics.reconcile(new Set(['b', 'stranger']))).toEqual(['a']);
    expect(topics.nextAdds(10)).toEqual(['a']);
    expect(topics.nextRemoves(10)).toEqual(['stranger']);
    expect([...topics.heldTopics]).toEqual(['b', 'stranger']);
  });
});
