import { parseFilter } from '../replay/replay-filter.js';
import type { ReplayFilter } from '../replay/replay-filter.js';
import type { ReplayPreview } from '../replay/replay.service.js';
import type { AuditRow, ReplayJobRow, ReplayStatus } from '../storage/schema.js';

type FilterView = Omit<ReplayFilter, 'diedAfter' | 'diedBefore'> & { diedAfter?: string; diedBefore?: string };

/** A replay job; `replayed` counts letters that were revived, whatever became of them since. */
export interface ReplayView {
  id: string;
  status: ReplayStatus;
  filter: FilterView;
  ratePerSecond: number;
  total: number;
  replayed: number;
  /** Known at the end: were no longer dead when it was their turn. */
  skipped: number;
  requestedBy: string;
  requestId?: string;
  createdAt: string;
  updatedAt: string;
  /** Null while it runs. */
  finishedAt: string | null;
}

export function replayView(row: ReplayJobRow): ReplayView {
  return {
    id: row.id,
    status: row.status,
    filter: filterView(parseFilter(row.filter)),
    ratePerSecond: row.rate,
    total: row.total,
    replayed: row.replayed,
    skipped: row.skipped,
    requestedBy: row.requested_by,
    ...(row.request_id === null ? {} : { requestId: row.request_id }),
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at).toISOString(),
  };
}

/** A job that discards; `discarded` counts letters. */
export type DiscardView = Omit<ReplayView, 'ratePerSecond' | 'replayed'> & { reason: string; discarded: number };

export function discardView(row: ReplayJobRow): DiscardView {
  const { ratePerSecond: _, replayed: discarded, ...job } = replayView(row);
  return { ...job, reason: row.reason ?? '', discarded };
}

export interface PreviewView {
  count: number;
  oldest: string | null;
  newest: string | null;
  byReason: Record<string, number>;
}

export function previewView({ count, oldest, newest, byReason }: ReplayPreview): PreviewView {
  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return { count, oldest: iso(oldest), newest: iso(newest), byReason };
}

export interface AuditView {
  at: string;
  actor: string;
  action: string;
  target: string;
  details: unknown;
}

export function auditView(row: AuditRow): AuditView {
  return {
    at: new Date(row.at).toISOString(),
    actor: row.actor,
    action: row.action,
    target: row.target,
    details: JSON.parse(row.details) as unknown,
  };
}

function filterView({ diedAfter, diedBefore, ...rest }: ReplayFilter): FilterView {
  return {
    ...rest,
    ...(diedAfter === undefined ? {} : { diedAfter: new Date(diedAfter).toISOString() }),
    ...(diedBefore === undefined ? {} : { diedBefore: new Date(diedBefore).toISOString() }),
  };
}
