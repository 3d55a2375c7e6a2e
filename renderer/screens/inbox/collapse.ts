import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { showAgo } from '../../format/time.ts';

/** A row of the list: one request of an agent, however often it was asked. */
export interface Entry {
  /** The gate to decide: the one that waits, else the newest. */
  readonly gate: GateRecord;
  /** Earlier gates of the same request (it expired and was asked anew). */
  readonly earlier: number;
  readonly retries: number;
  readonly lastRetryAt: number | null;
}

/** Gates of the same fingerprint become one entry, at the place of the first of them. */
export function collapse(gates: readonly GateRecord[]): readonly Entry[] {
  const groups = new Map<string, GateRecord[]>();
  for (const gate of gates) {
    const group = groups.get(gate.fingerprint);
    if (group === undefined) groups.set(gate.fingerprint, [gate]);
    else group.push(gate);
  }
  return [...groups.values()].map(entryOf);
}

function entryOf(group: readonly GateRecord[]): Entry {
  const newest = group.toSorted((a, b) => b.created_at - a.created_at);
  const gate = newest.find(({ state }) => state === 'pending') ?? newest[0];
  if (gate === undefined) throw new Error('a group of gates is never empty');
  const seen = group.map(({ last_retry_at }) => last_retry_at ?? 0);
  const last = Math.max(...seen);
  return {
    gate,
    earlier: group.length - 1,
    retries: group.reduce((sum, { retries }) => sum + retries, 0),
    lastRetryAt: last === 0 ? null : last,
  };
}

/** "retried ×6, last 12 s ago"; null where nothing was retried. */
export function retryNote(
  { retries, lastRetryAt }: Pick<Entry, 'retries' | 'lastRetryAt'>,
  now: number,
): string | null {
  if (retries === 0) return null;
  return lastRetryAt === null ? `retried ×${retries}` : `retried ×${retries}, last ${showAgo(lastRetryAt, now)}`;
}
