import { readFile } from 'node:fs/promises';
import { Metrics } from './metrics.js';

const OPERATIONS = new URL('../../docs/operations.md', import.meta.url);

describe('Metrics', () => {
  it('are explained in docs/operations.md, each of them and no other', async () => {
    const section = (await readFile(OPERATIONS, 'utf8')).split('### The metrics')[1]?.split('\n## ')[0] ?? '';
    const rows = section.split('\n').filter((line) => line.startsWith('| `gateway_'));
    const first = rows.map((row) => row.split(' | ')[0] ?? '');
    const explained = first.flatMap((cell) => [...cell.matchAll(/`(gateway_\w+)(?:\{([\w,]+)\})?`/g)]);
    const labels = (metric: unknown) => (metric as { labelNames?: string[] }).labelNames ?? [];
    const registered = new Metrics().registry.getMetricsAsArray().map((metric) =>
      [
        metric.name,
        labels(metric)
          .filter((label) => label !== 'le')
          .join(','),
      ].join(' '),
    );
    expect(explained.map(([, name, given = '']) => `${name} ${given}`).sort()).toEqual(registered.sort());
  });

  it('exposes the names and labels that the contract promises', async () => {
    const metrics = new Metrics();
    metrics.interactions.set({ status: 'accepted' }, 2);
    metrics.channels.set({ state: 'open' }, 1);
    metrics.topics.set(7);
    metrics.frames.inc({ kind: 'heartbeat' });
    metrics.reconnects.inc({ reason: 'silence' });
    metrics.lookups.inc({ result: 'found' });
    metrics.captured.inc({ obtained_by: 'event' });
    metrics.deliveries.inc({ outcome: 'delivered' });
    metrics.deliverySeconds.observe(0.02);
    metrics.genesysRequests.inc({ operation: 'createChannel', status: '200' });
    metrics.tokenRefreshes.inc({ result: 'ok' });
    const text = await metrics.text();
    for (const sample of [
      'gateway_interactions{status="accepted"} 2',
      'gateway_channels{state="open"} 1',
      'gateway_topics 7',
      'gateway_ws_frames_total{kind="heartbeat"} 1',
      'gateway_ws_reconnects_total{reason="silence"} 1',
      'gateway_gaps_total 0',
      'gateway_gap_seconds_total 0',
      'gateway_lookups_total{result="found"} 1',
      'gateway_captured_total{obtained_by="event"} 1',
      'gateway_duplicates_dropped_total 0',
      'gateway_deliveries_total{outcome="delivered"} 1',
      'gateway_delivery_seconds_bucket{le="0.025"} 1',
      'gateway_genesys_requests_total{operation="createChannel",status="200"} 1',
      'gateway_token_refreshes_total{result="ok"} 1',
    ]) {
      expect(text).toContain(sample);
    }
  });

  it('keeps instances apart, and adds process metrics on request', async () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.gaps.inc();
    one.collectProcess();
    expect(await other.text()).toContain('gateway_gaps_total 0');
    expect(await other.text()).not.toContain('process_cpu');
    expect(await one.text()).toContain('process_cpu_seconds_total');
    expect(await one.text()).toContain('nodejs_eventloop_lag_seconds');
    one.registry.clear();
  });
});
