import { clientView, type ClientFacts } from './client.view.js';

const HOUR_MS = 60 * 60_000;
const facts = (but: Partial<ClientFacts> = {}): ClientFacts => ({
  channels: { inUse: 1, max: 20 },
  budget: { limit: 285, usedLastMinute: 4, waiting: { channel: 0, gap: 2, sweep: 1 }, pausedMs: 0 },
  sent: { coversMs: 6 * HOUR_MS, total: 90, byKind: { 'get-conversation-details': 80, 'create-channel': 10 } },
  steps: { coversMs: 6 * HOUR_MS, total: 1_500, byKind: { accepted: 900, captured: 600 } },
  ...but,
});

describe('clientView', () => {
  it('tells requests a day and for each interaction', () => {
    expect(clientView(facts()).requests).toEqual({
      hours: 6,
      total: 90,
      byOperation: { 'get-conversation-details': 80, 'create-channel': 10 },
      perDay: 360,
      interactions: 900,
      perInteraction: 0.1,
    });
  });

  it('says nothing of what cannot be told yet', () => {
    const young = facts({
      sent: { coversMs: 59_000, total: 5, byKind: {} },
      steps: { coversMs: 59_000, total: 0, byKind: {} },
    });
    expect(clientView(young).requests).toMatchObject({ total: 5, perDay: null, perInteraction: null });
  });

  it('tells until when Genesys wants no requests', () => {
    const paused = { ...facts().budget, pausedMs: 30_000 };
    expect(clientView(facts({ budget: paused }), Date.UTC(2026, 0, 31, 12)).budget).toEqual({
      perMinute: 285,
      usedLastMinute: 4,
      waiting: { channel: 0, gap: 2, sweep: 1 },
      pausedUntil: '2026-01-31T12:00:30.000Z',
    });
  });
});
