import { failure } from '../contract/failures.ts';
import { bytesInUse } from '../store/purge.ts';
import type { Store } from '../store/store.ts';
import { KEPT_TABLES } from '../store/tables/traces.ts';
import { type Handlers, Refusal } from './call.ts';
import type { Retention } from './retention-watch.ts';

type RetentionHandlers = Pick<Handlers, 'retention.status' | 'retention.purge'>;

/** How large the store is and what of it is traces; and removing those. */
export function retentionHandlers(store: Pick<Store, 'reads'>, retention: Retention): RetentionHandlers {
  return {
    'retention.status': async () => {
      const sizes = await measureKept(store);
      const inUse = await bytesInUse(store.reads);
      const kept = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
      return {
        days: retention.settings.days,
        max_gb: retention.settings.maxGb,
        store_bytes: inUse,
        trace_bytes: Math.max(0, inUse - kept),
        audit_bytes: (sizes.get('audit') ?? 0) + (sizes.get('audit_heads') ?? 0),
        oldest_run_at: await store.reads.query('oldestTrace', {}),
      };
    },
    'retention.purge': async ({ days, max_gb, dry_run }, by) => {
      const given = days !== undefined || max_gb !== undefined;
      const limits = given ? { days: days ?? null, maxGb: max_gb ?? null } : retention.settings;
      if (limits.days === null && limits.maxGb === null)
        throw new Refusal(
          failure('invalid_request', 'Say which traces: those older than `days`, or the oldest above `max_gb`.'),
        );
      const { runs, bytesBefore, bytesAfter } = await (dry_run ? retention.plan(limits) : retention.purge(limits, by));
      return { runs, bytes_before: bytesBefore, bytes_after: bytesAfter };
    },
  };
}

/** Table by table, so that other reads come in between: each walks all of its table. */
async function measureKept({ reads }: Pick<Store, 'reads'>): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const table of KEPT_TABLES) sizes.set(table, await reads.query('tableBytes', { table }));
  return sizes;
}
