import { Global, Module } from '@nestjs/common';
import type { ModuleMetadata } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import type { TestingModule } from '@nestjs/testing';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';
import { Logs } from '../../telemetry/logs.js';
import { Metrics } from '../../telemetry/metrics.js';

export interface Booted {
  module: TestingModule;
  /** Every log line so far, down to trace, as one text. */
  logged: () => string;
  metrics: Metrics;
}

/** The real modules over these settings, with logs that can be read. The caller closes the module. */
export async function boot(
  imports: NonNullable<ModuleMetadata['imports']>,
  genesys: Config['genesys'],
): Promise<Booted> {
  const lines: string[] = [];
  const logs = Logs.to({ level: 'trace', format: 'json' }, { write: (line) => void lines.push(line) });
  const metrics = new Metrics();
  const providers = [
    { provide: CONFIG, useValue: { genesys } },
    { provide: Logs, useValue: logs },
    { provide: Metrics, useValue: metrics },
  ];

  @Global()
  @Module({ providers, exports: [CONFIG, Logs, Metrics] })
  class Surroundings {}

  const module = await Test.createTestingModule({
    imports: [Surroundings, ScheduleModule.forRoot(), ...imports],
  }).compile();
  return { module, logged: () => lines.join(''), metrics };
}

/** The value of a counter with these labels; 0 when it was never counted. */
export async function counted(
  counter: { get: () => Promise<{ values: { value: number; labels: Partial<Record<string, string | number>> }[] }> },
  labels: Record<string, string>,
): Promise<number> {
  const { values } = await counter.get();
  const matching = values.filter((value) =>
    Object.entries(labels).every(([name, label]) => value.labels[name] === label),
  );
  return matching.reduce((sum, { value }) => sum + value, 0);
}
