import { StatementNames } from './statement-names.js';

describe('StatementNames', () => {
  it('names a text when it comes again, always the same', () => {
    const names = new StatementNames();
    for (const text of ['select 1', 'select 2', 'select 3']) expect(names.nameOf(text)).toBeUndefined();
    const given = ['select 1', 'select 2', 'select 3'].map((text) => names.nameOf(text));
    expect(new Set(given).size).toBe(3);
    expect(given).not.toContain(undefined);
    expect(names.nameOf('select 2')).toBe(given[1]);
  });

  it('remembers no text without end', () => {
    const names = new StatementNames();
    expect(names.nameOf('hot')).toBeUndefined();
    for (let no = 0; no < 10_000; no++) names.nameOf(`select ${no}`);
    expect(names.nameOf('hot')).toBeDefined();
    names.nameOf('late');
    expect(names.nameOf('late')).toBeUndefined();
  });
});
