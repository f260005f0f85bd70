import { v5 as uuidv5 } from 'uuid';
import { nameUuids } from './name-uuid.js';

const NAMESPACES = ['b6a1d2c4-3f0e-4c58-9d57-8a4e6f1b2c90', 'FFFFFFFF-0000-4000-8000-00000000FFFF'];
const NAMES = ['', 'a', '0b0e7c0a-4d8a-4b64-8a5e-5f7f5a0f6b11', 'ä€😀\u0000', 'x'.repeat(10_000)];

describe('nameUuids', () => {
  it.each(NAMESPACES)('gives what the uuid package gives in %s', (namespace) => {
    const uuidFor = nameUuids(namespace);
    // Many, so that every value of the digit that holds the variant comes up.
    const names = [...NAMES, ...Array.from({ length: 500 }, (_, n) => `name ${n}`)];
    expect(names.map(uuidFor)).toEqual(names.map((name) => uuidv5(name, namespace)));
  });
});
