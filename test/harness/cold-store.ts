import { join } from 'node:path';
import { type ChainVerdict, verifyChain } from '../../proxy-core/audit/chain.ts';
import type { AuditRecord, BudgetRecord, ExchangeRecord, RunRecord } from '../../proxy-core/contract/records.ts';
import { openReader } from '../../proxy-core/store/reader.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';

/** Everything a store holds that money and the audit depend on, read while no core has it open. */
export interface ColdStore {
  readonly runs: readonly RunRecord[];
  readonly exchanges: readonly ExchangeRecord[];
  readonly budgets: readonly BudgetRecord[];
  readonly audit: readonly AuditRecord[];
  readonly chain: ChainVerdict;
  requestBody(exchangeId: string): Buffer | null;
  responseBody(exchangeId: string): Buffer | null;
}

const ALL = 1_000_000;
const bytes = (body: Uint8Array | null): Buffer | null => (body === null ? null : Buffer.from(body));

/** Read a home's store, look at it with `use`, and close it again. */
export function readColdStore<T>(home: string, use: (store: ColdStore) => T): T {
  const { read, close } = openReader(join(home, 'rungate.db'), Date.now);
  try {
    const runs = read.runs({ limit: ALL }).runs;
    const audit = read.audit({ afterSeq: 0, limit: ALL });
    return use({
      runs,
      audit,
      exchanges: runs.flatMap(({ run_id }) => read.exchanges(run_id)),
      budgets: read.budgets(),
      chain: verifyChain(audit, sha256),
      requestBody: (exchangeId) => bytes(read.requestBody(exchangeId)),
      responseBody: (exchangeId) => bytes(read.responseBody(exchangeId)),
    });
  } finally {
    close();
  }
}
