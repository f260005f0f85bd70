/** npm passes the terminal's SIGINT on to its child, which has it from the terminal too: both are one press. */
const SAME_PRESS_MS = 500;
/** 128 and the number of SIGINT, as shells say it. */
export const EXIT_INTERRUPTED = 130;

/** Takes Ctrl+C (and SIGTERM) over: the first press aborts the signal, one after that ends the process at once. */
export function onCtrlC(): AbortSignal {
  const pressed = new AbortController();
  let pressedAt: number | undefined;
  const press = (): void => {
    const now = performance.now();
    if (pressedAt !== undefined && now - pressedAt >= SAME_PRESS_MS) process.exit(EXIT_INTERRUPTED);
    pressedAt ??= now;
    pressed.abort();
  };
  process.on('SIGINT', press);
  process.on('SIGTERM', press);
  return pressed.signal;
}

/** What the work gives, or undefined when Ctrl+C comes first. */
export async function unlessPressed<T>(pressed: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  return Promise.race([work, untilPressed(pressed)]);
}

export async function untilPressed(pressed: AbortSignal): Promise<undefined> {
  if (pressed.aborted) return;
  await new Promise((resolve) => pressed.addEventListener('abort', resolve, { once: true }));
}
