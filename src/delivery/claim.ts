import { sql } from 'kysely';

export interface Claim {
  sink: string;
  limit: number;
  /** The fence of all that this claim gets. */
  token: string;
  replica: string;
  leaseMs: number;
  /** Only deliveries to these; absent: to all. */
  destinations?: readonly string[] | undefined;
}

/** How many more one destination may have. */
export interface Share {
  destination: string;
  room: number;
}

/** Destinations with something due. `crowded`: those with so much that a claim does not look at all of it. */
export interface Due {
  due: string[];
  crowded: ReadonlySet<string>;
}

/** Of rows that wait for a destination. Written out as the condition of their indexes is. */
export const WAITS = sql<boolean>`state = 'pending' and destination is not null`;

/** Nothing earlier of its sink with the same order key is still on its way. A dead one does not block: it waits for a person. */
export const ITS_TURN = sql<boolean>`not exists (
  select 1 from deliveries as earlier
  where earlier.sink = candidate.sink and earlier.order_key = candidate.order_key and earlier.seq < candidate.seq
    and earlier.state in ('pending', 'claimed'))`;
