import { setTimeout as delay } from 'node:timers/promises';
import { TestEnvironment } from 'jest-environment-node';

/** What must not outlive a test file. Only what keeps the process alive is listed by Node.js in the first place. */
const WATCHED = new Set(['TCPServerWrap', 'TCPSocketWrap', 'PipeServerWrap', 'ProcessWrap', 'Timeout', 'FSEventWrap']);

/** Sockets and processes take a moment to be gone after they were closed; seconds on a machine that is busy with another file. */
const PATIENCE_MS = 5000;
const STEP_MS = 20;

/** Node's test environment; a file that leaves something open fails with its kind and number. */
export default class LeakCheckEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    this.before = countOpen();
  }

  async teardown() {
    let leaks = this.leaks();
    for (let waited = 0; leaks.length > 0 && waited < PATIENCE_MS; waited += STEP_MS) {
      await delay(STEP_MS, undefined, { ref: false });
      leaks = this.leaks();
    }
    await super.teardown();
    if (leaks.length > 0) throw new Error(`The tests of this file left open: ${leaks.join(', ')}`);
  }

  leaks() {
    return [...countOpen()]
      .map(([kind, count]) => ({ kind, more: count - (this.before?.get(kind) ?? 0) }))
      .filter(({ more }) => more > 0)
      .map(({ kind, more }) => `${more} x ${kind}`);
  }
}

function countOpen() {
  const counts = new Map();
  for (const kind of process.getActiveResourcesInfo()) {
    if (WATCHED.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
