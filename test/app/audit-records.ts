import { join } from 'node:path';
import type { AuditRecord } from '../../proxy-core/contract/records.ts';
import { openReader } from '../../proxy-core/store/reader.ts';

const ALL = 1_000_000;

/** The audit of an installation that no core has open. */
export function auditOf(home: string): readonly AuditRecord[] {
  const { read, close } = openReader(join(home, 'rungate.db'), Date.now);
  try {
    return read.audit({ afterSeq: 0, limit: ALL });
  } finally {
    close();
  }
}
