// Loaded before the gateway (node --import): its wall clock is off by CLOCK_SKEW_MS and jumps at SIGUSR2, as when NTP steps
// it: back by 5 minutes, or by the next of CLOCK_STEPS_MS. The monotonic clock is left alone, as the kernel does.
let skewMs = Number(process.env.CLOCK_SKEW_MS ?? 0);
const steps = (process.env.CLOCK_STEPS_MS ?? '').split(',').filter(Boolean).map(Number);
process.on('SIGUSR2', () => {
  skewMs += steps.shift() ?? -300_000;
});
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + skewMs);
    else super(...values);
  }

  static now() {
    return RealDate.now() + skewMs;
  }
};
