import { FieldSelection } from './field-selection.js';

const FIELDS = {
  userId: 'u',
  message: { id: 'm', text: 'hello', from: { name: 'n', address: 'a' } },
  participants: [
    { id: 1, name: 'one' },
    { id: 2, name: 'two' },
  ],
  nothing: null,
};

describe('FieldSelection', () => {
  it.each<[name: string, include: string[], exclude: string[], expected: unknown]>([
    ['nothing named: all', [], [], FIELDS],
    ['*: all', ['*', 'userId'], [], FIELDS],
    ['one field', ['userId'], [], { userId: 'u' }],
    ['a field that is null', ['nothing'], [], { nothing: null }],
    ['a field that is not there', ['absent', 'userId.deeper'], [], {}],
    ['an inner field', ['message.from.name'], [], { message: { from: { name: 'n' } } }],
    ['a field and one inside it: all of it', ['message.id', 'message'], [], { message: FIELDS.message }],
    ['the same the other way round', ['message', 'message.id'], [], { message: FIELDS.message }],
    ['through a list', ['participants.id'], [], { participants: [{ id: 1 }, { id: 2 }] }],
    ['exclude wins', ['userId', 'message.id'], ['userId'], { message: { id: 'm' } }],
    ['an inner field left out', ['message'], ['message.from', 'message.text'], { message: { id: 'm' } }],
    ['left out through a list', ['participants'], ['participants.name'], { participants: [{ id: 1 }, { id: 2 }] }],
    ['all but some', ['*'], ['message', 'participants', 'nothing'], { userId: 'u' }],
    ['nothing at all', ['*'], ['*'], {}],
    ['names of the language', ['__proto__', 'constructor', 'toString'], ['hasOwnProperty'], {}],
  ])('%s', (_, include, exclude, expected) => {
    const before = structuredClone(FIELDS);
    expect(new FieldSelection(include, exclude).of(FIELDS)).toEqual(expected);
    expect(FIELDS).toEqual(before);
  });

  it('keeps a field that is called like a part of the language as data', () => {
    const fields = JSON.parse('{"__proto__":{"polluted":true},"a":1}') as Record<string, unknown>;
    const chosen = new FieldSelection(['__proto__'], []).of(fields);
    expect(JSON.stringify(chosen)).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
