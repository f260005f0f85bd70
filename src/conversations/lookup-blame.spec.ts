import { HttpFailure, type HttpFailureKind } from '../common/http-exchange.js';
import {
  GenesysAnswerError,
  GenesysAnswerTooLargeError,
  GenesysForbiddenError,
  GenesysRateLimitError,
  GenesysRequestError,
  GenesysUnreachableError,
} from '../genesys/genesys.errors.js';
import { blameOf } from './lookup-blame.js';

const answered = (status: number, foreign = false): GenesysRequestError =>
  new GenesysRequestError(`answered ${status}`, { operation: 'conversation', status, foreign });
const unreachable = (kind: HttpFailureKind): GenesysUnreachableError =>
  new GenesysUnreachableError('no answer', { cause: new HttpFailure(kind, 'CODE', 'failed') });

describe('blameOf', () => {
  it.each<[string, unknown, ReturnType<typeof blameOf>]>([
    ['400', answered(400), 'question'],
    ['403', new GenesysForbiddenError('no', { operation: 'conversation', status: 403 }), 'question'],
    [
      'an answer that is no JSON',
      new GenesysAnswerError('bad', { operation: 'conversation', status: 200 }),
      'question',
    ],
    ['an answer that is too large', new GenesysAnswerTooLargeError('large'), 'question'],
    ['a fault of our own', new TypeError('x is null'), 'question'],
    ["a page of somebody else's", answered(404, true), 'passing'],
    ["a refusal of somebody else's", answered(403, true), 'passing'],
    ['408', answered(408), 'passing'],
    ['500', answered(500), 'passing'],
    ['503', answered(503), 'passing'],
    ['no answer in time', unreachable('timeout'), 'passing'],
    ['a broken connection', unreachable('connection'), 'passing'],
    ['401', answered(401), 'genesys'],
    ['no connection', unreachable('not-sent'), 'genesys'],
    ['nobody there, whyever', new GenesysUnreachableError('no answer'), 'genesys'],
    ['a rate limit', new GenesysRateLimitError('slow', 1_000), 'genesys'],
  ])('%s', (_name, error, blame) => {
    expect(blameOf(error)).toBe(blame);
  });
});
