import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';

const PATH = '/api/v2/routing/wrapupcodes';
/** As the official SDK documents it. */
const DEFAULT_PAGE_SIZE = 25;
/** Asked for more, the service answers 400; the number is this simulator's, since no source gives one. */
const MOST_PAGE_SIZE = 500;

/** The organisation's wrap-up codes, page by page, and one by its id (docs/wire-facts.md §5.4). */
export function wrapupCodeRoutes(server: FastifyInstance, options: () => GenesysOptions): void {
  server.get(PATH, async (request) => {
    const codes = options().wrapupCodes;
    const pageSize = whole(request, 'pageSize', DEFAULT_PAGE_SIZE, MOST_PAGE_SIZE);
    const pageNumber = whole(request, 'pageNumber', 1, Infinity);
    const pageCount = Math.ceil(codes.length / pageSize);
    const uriOf = (page: number): string => `${PATH}?pageSize=${pageSize}&pageNumber=${page}`;
    return {
      entities: codes.slice((pageNumber - 1) * pageSize, pageNumber * pageSize).map(viewOf),
      pageSize,
      pageNumber,
      total: codes.length,
      firstUri: uriOf(1),
      selfUri: uriOf(pageNumber),
      ...(pageNumber < pageCount && { nextUri: uriOf(pageNumber + 1) }),
      lastUri: uriOf(Math.max(1, pageCount)),
      pageCount,
    };
  });

  server.get(`${PATH}/:id`, async (request) => {
    const { id } = request.params as { id: string };
    const code = options().wrapupCodes.find((each) => each.id === id);
    if (!code) throw Refusal.notFound();
    return viewOf(code);
  });
}

function viewOf({ id, name }: GenesysOptions['wrapupCodes'][number]): Record<string, unknown> {
  return {
    id,
    name,
    division: { id: '*', name: 'All Divisions', selfUri: '/api/v2/authorization/divisions/*' },
    dateCreated: '2025-01-07T08:00:00Z',
    createdBy: 'c0ffee00-7abc-44b9-81e5-64e1e9e0ccf0',
    selfUri: `${PATH}/${id}`,
  };
}

function whole(request: FastifyRequest, name: string, usual: number, most: number): number {
  const given = (request.query as Record<string, string | undefined>)[name];
  const value = given === undefined ? usual : Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Refusal(
    400,
    'bad.request',
    `${name} [${String(given).slice(0, 50)}] is not a whole number from 1 to ${most}.`,
  );
}
