import * as echarts from 'echarts';
import type { LatencySummary } from './latencies.js';
import type { Outcome } from '../scenario.js';
import { median, rate } from './rounds.js';

const WIDTH = 960;
const HEIGHT = 760;
const COLOURS = ['#9aa5b1', '#2f6fb3', '#7a4fa3', '#c9803a'];

interface Measured {
  name: string;
  unit: string;
  outcome: Outcome;
}

/** Throughput and latency of all scenarios that have them, as SVG: logarithmic, since they differ by magnitudes. */
export function plot(results: readonly Measured[]): string {
  const fast = results.filter(({ outcome }) => outcome.sides.some((side) => side.runs.some((run) => run.perSecond)));
  const timed = results.filter(({ outcome }) => outcome.sides.some((side) => side.runs.some((run) => run.latency)));
  const chart = echarts.init(null, undefined, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const sides = [...new Set(fast.flatMap(({ outcome }) => outcome.sides.map(({ name }) => name)))];
  chart.setOption({
    animation: false,
    color: COLOURS,
    title: [
      { text: 'Throughput (a second)', left: 60, top: 8, textStyle: { fontSize: 14 } },
      { text: 'Latency p50, p99 and p99.9 (ms)', left: 60, top: 390, textStyle: { fontSize: 14 } },
    ],
    legend: { top: 8, right: 20, data: sides },
    grid: [
      { left: 70, right: 20, top: 50, height: 280 },
      { left: 70, right: 20, top: 430, height: 260 },
    ],
    xAxis: [
      { type: 'category', gridIndex: 0, data: fast.map(({ name }) => name) },
      { type: 'category', gridIndex: 1, data: timed.flatMap(({ name }) => [`${name}\np50`, 'p99', 'p99.9']) },
    ],
    yAxis: [
      { type: 'log', gridIndex: 0, min: 1 },
      { type: 'log', gridIndex: 1 },
    ],
    series: sides.flatMap((name) => [
      { type: 'bar', name, xAxisIndex: 0, yAxisIndex: 0, data: fast.map((each) => rateOf(each, name)) },
      { type: 'bar', name, xAxisIndex: 1, yAxisIndex: 1, data: timed.flatMap((each) => latenciesOf(each, name)) },
    ]),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function rateOf({ outcome }: Measured, name: string): number | null {
  const side = outcome.sides.find((each) => each.name === name);
  return side ? Math.round(median(side.runs.map(rate))) || null : null;
}

function latenciesOf({ outcome }: Measured, name: string): (number | null)[] {
  const runs = outcome.sides.find((each) => each.name === name)?.runs.flatMap(({ latency }) => latency ?? []) ?? [];
  const of = (figure: (latency: LatencySummary) => number): number | null =>
    runs.length === 0 ? null : Number(median(runs.map(figure)).toPrecision(3));
  return [of(({ p50 }) => p50), of(({ p99 }) => p99), of(({ p999 }) => p999)];
}
