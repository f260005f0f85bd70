import { readdirSync, readFileSync } from 'node:fs';

const SRC = new URL('../', import.meta.url);
const DOCUMENT = new URL('../../docs/errors.md', import.meta.url);

/** As a class says it (`code = 'a.b'`), and as an outcome does (`code: 'a.b'`, `retry('a.b'`). */
const CODE = /(?:\bcode(?::[^='\n]+)?(?: =|:) |\b(?:retry|refused|failed)\()'((?:[a-z]+\.[a-z-]+|internal))'/g;

describe('docs/errors.md', () => {
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && !path.includes('testing/'),
  );
  const codes = new Set(
    sources.flatMap((path) =>
      [...readFileSync(new URL(path, SRC), 'utf8').matchAll(CODE)].map((match) => match[1] as string),
    ),
  );

  it('has every code that the source gives', () => {
    const text = readFileSync(DOCUMENT, 'utf8');
    expect(codes.size).toBeGreaterThan(80);
    expect([...codes].filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });

  it('has no code that the source does not know', () => {
    const all = sources.map((path) => readFileSync(new URL(path, SRC), 'utf8')).join('\n');
    const told = [...readFileSync(DOCUMENT, 'utf8').matchAll(/^\| (`[^|]+`) \|/gm)]
      .flatMap(([, cell]) => [...(cell as string).matchAll(/`([a-z.-]+)`/g)])
      .map((match) => match[1] as string);
    expect(told.length).toBeGreaterThan(80);
    // `push.tag-invalid` and its sister are made of two parts.
    expect(told.filter((code) => !all.includes(`'${code}'`))).toEqual([]);
  });
});
