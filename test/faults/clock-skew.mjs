// Loaded before the gateway (node --import): its wall clock is off by CLOCK_SKEW_MS and jumps back by 5 minutes at
// SIGUSR2, as when NTP steps it. The monotonic clock is left alone, as the kernel does.
let skewMs = Number(process.env.CLOCK_SKEW_MS ?? 0);
process.on('SIGUSR2', () => {
  skewMs -= 300_000;
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
