// Loaded into the gateway before its own code. The gateway has a process group of its own, so that the terminal's Ctrl+C is
// not also its first signal; then nothing but this channel tells it that the demo is gone, however that was killed.
process.on('disconnect', () => process.exit(1));
process.channel?.unref();
