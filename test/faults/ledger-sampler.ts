import type { Audit } from './audit.js';
import type { Callers } from './callers.js';
import type { GatewayUnit } from './gateway-unit.js';

export interface Ledger {
  accepted: number;
  listening: number;
  captured: number;
  delivered: number;
  dead: number;
  expired: number;
  cancelled: number;
  total: number;
}

const EVERY_MS = 1_000;
/** A frozen process must not hold up the sampling of the others. */
const TIMEOUT_MS = 900;

/** Reads the ledger of each replica every second and holds it against what is known outside. */
export class LedgerSampler {
  samples = 0;
  readonly violations: string[] = [];
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> = Promise.resolve();
  private busy = false;

  constructor(
    private readonly units: readonly GatewayUnit[],
    private readonly callers: Callers,
    private readonly audit: Audit,
    private readonly records: () => number,
  ) {
    this.timer = setInterval(() => {
      if (!this.busy) this.running = this.sampleAll();
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async sampleAll(): Promise<void> {
    this.busy = true;
    await Promise.all(this.units.map((unit) => this.sample(unit)));
    this.busy = false;
  }

  private async sample(unit: GatewayUnit): Promise<void> {
    const promised = this.audit.accepted.size;
    const reply = await this.callers.call(unit, 'GET', '/ops/ledger', { as: 'admin', timeoutMs: TIMEOUT_MS });
    if (reply?.status !== 200) return;
    this.samples += 1;
    const { total, ...counts } = reply.body as unknown as Ledger;
    const sum = Object.values(counts).reduce((a, b) => a + b, 0);
    const text = JSON.stringify(reply.body);
    if (sum !== total) this.violations.push(`the ledger sums to ${sum}: ${text}`);
    if (total < promised) this.violations.push(`${promised} were promised: ${text}`);
    if (counts.delivered > this.records()) this.violations.push(`the history has ${this.records()} records: ${text}`);
  }
}
