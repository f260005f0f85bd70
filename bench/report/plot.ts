import * as echarts from 'echarts';
import type { Outcome, Side } from '../scenario.js';
import type { LatencySummary } from './latencies.js';
import { median, rate } from './rounds.js';
import { number } from './table.js';

const WIDTH = 960;
/** Of one row of bars, of a title with the legend or the gap above it, of an axis with its numbers. */
const ROW = 34;
const HEADING = 70;
const FOOT = 40;
const MARGIN = { left: 190, right: 70 };
/** On a ground of its own, so that it can be read on a dark page as well; colours that colour-blind people tell apart. */
const GROUND = '#ffffff';
const INK = '#333333';
const SERIES = [
  { name: 'bare program, or qlobber', color: '#9aa5b1' },
  { name: 'gateway, SQLite', color: '#0072b2' },
  { name: 'gateway, PostgreSQL', color: '#d55e00' },
] as const;

interface Measured {
  name: string;
  unit: string;
  outcome: Outcome;
}

/** A row of bars: one value for each of SERIES, or none. */
interface Row {
  label: string;
  values: (number | null)[];
}

/**
 * Throughput and latency of all scenarios that have them, as SVG: medians over the rounds, on logarithmic axes, since they
 * differ by magnitudes.
 */
export function plot(results: readonly Measured[]): string {
  const panels = [
    { title: 'Throughput, a second', least: 10, rows: results.flatMap(throughputOf) },
    // A match takes microseconds and would flatten all the others.
    { title: 'Latency, ms', least: 0.1, rows: results.filter(({ unit }) => unit !== 'matches/s').flatMap(latencyOf) },
  ].filter(({ rows }) => rows.length > 0);
  const tops: number[] = [];
  let height = 0;
  for (const { rows } of panels) {
    tops.push(height + HEADING);
    height += HEADING + rows.length * ROW + FOOT;
  }
  const chart = echarts.init(null, undefined, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: GROUND,
    textStyle: { color: INK, fontFamily: 'sans-serif' },
    title: panels.map(({ title }, i) => ({
      text: title,
      left: 10,
      top: (tops[i] ?? 0) - HEADING / 2,
      textStyle: { fontSize: 15, color: INK },
    })),
    legend: {
      top: 10,
      left: MARGIN.left,
      itemGap: 50,
      data: SERIES.map(({ name }) => name),
      textStyle: { color: INK },
    },
    grid: panels.map(({ rows }, i) => ({ ...MARGIN, top: tops[i] ?? 0, height: rows.length * ROW })),
    xAxis: panels.map(({ least }, gridIndex) => ({
      type: 'log',
      gridIndex,
      min: least,
      startValue: least,
      axisLabel: { color: INK, formatter: number },
    })),
    yAxis: panels.map(({ rows }, gridIndex) => ({
      type: 'category',
      gridIndex,
      inverse: true,
      data: rows.map(({ label }) => label),
      axisLabel: { color: INK, interval: 0 },
    })),
    series: panels.flatMap(({ rows }, i) =>
      SERIES.map((series, no) => ({
        type: 'bar',
        ...series,
        xAxisIndex: i,
        yAxisIndex: i,
        barGap: '0%',
        barCategoryGap: '20%',
        data: rows.map(({ values }) => values[no] ?? null),
        label: { show: true, position: 'right', fontSize: 9, color: INK, formatter: labelOf },
      })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function labelOf({ value }: { value: unknown }): string {
  return typeof value === 'number' ? number(value) : '';
}

/** Which of SERIES a side is; the load generator alone is none. */
function seriesOf({ name }: Side): number {
  if (name === 'bare' || name === 'qlobber') return 0;
  if (name === 'gateway (PostgreSQL)') return 2;
  return name === 'load generator alone' ? -1 : 1;
}

/** One row; or one for each side, where several are the same program under different conditions. */
function rowsOf({ name, outcome }: Measured, label: string, of: (side: Side) => number | null): Row[] {
  const sides = outcome.sides.filter((side) => seriesOf(side) >= 0 && of(side) !== null);
  const alike = sides.length > new Set(sides.map(seriesOf)).size;
  const rowOf = (some: Side[], text: string): Row => ({
    label: text,
    values: SERIES.map((_, no) => some.map((side) => (seriesOf(side) === no ? of(side) : null)).find(Boolean) ?? null),
  });
  if (alike) return sides.map((side) => rowOf([side], `${name}, ${side.name}`));
  return sides.length === 0 ? [] : [rowOf(sides, `${name}${label}`)];
}

function throughputOf(measured: Measured): Row[] {
  const unit = measured.unit === '' ? '' : ` (${measured.unit.replace('/s', '')})`;
  return rowsOf(measured, unit, ({ runs }) => Math.round(median(runs.map(rate))) || null);
}

function latencyOf(measured: Measured): Row[] {
  const of =
    (figure: (latency: LatencySummary) => number) =>
    ({ runs }: Side): number | null => {
      const found = runs.flatMap(({ latency }) => latency ?? []).map(figure);
      return found.length === 0 ? null : Number(median(found).toPrecision(3));
    };
  return [
    ...rowsOf(
      measured,
      ' p50',
      of(({ p50 }) => p50),
    ),
    ...rowsOf(
      measured,
      ' p99',
      of(({ p99 }) => p99),
    ),
    ...rowsOf(
      measured,
      ' p99.9',
      of(({ p999 }) => p999),
    ),
  ];
}
