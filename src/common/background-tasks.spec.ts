import { BackgroundTasks } from './background-tasks.js';

describe('BackgroundTasks', () => {
  it('is idle when everything has settled, including what was started meanwhile', async () => {
    const failures: string[] = [];
    const tasks = new BackgroundTasks((error, task) => failures.push(`${task}: ${error.message}`));
    await tasks.idle();

    const ends: (() => void)[] = [];
    const underWay = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    tasks.run('first', async () => {
      await underWay();
      tasks.run('second', async () => {
        await underWay();
        throw new Error('broken');
      });
    });
    let idle = 0;
    const waiting = Promise.all([tasks.idle(), tasks.idle()]).then(() => idle++);
    expect(tasks.size).toBe(1);
    ends[0]?.();
    while (ends.length < 2) await Promise.resolve();
    await Promise.resolve();
    expect([tasks.size, idle]).toEqual([1, 0]);
    ends[1]?.();
    await waiting;
    expect([tasks.size, failures]).toEqual([0, ['second: broken']]);
  });
});
