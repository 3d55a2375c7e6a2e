import type { Readable, Writable } from '../handle.ts';

/** Policy documents: every version is kept and none is ever edited. */
export interface PolicyVersion {
  readonly name: string;
  readonly version: number;
  readonly note: string;
  readonly created_at: number;
  readonly document: string;
}

const SELECT_POLICY = 'SELECT name, version, note, created_at, document FROM policies';

export function findNewestPolicy(db: Readable, name: string): PolicyVersion | null {
  return db.one<PolicyVersion>(`${SELECT_POLICY} WHERE name = +? ORDER BY version DESC LIMIT 1`, name) ?? null;
}

export function insertPolicy(db: Writable, policy: PolicyVersion): void {
  db.run(
    'INSERT INTO policies (name, version, document, note, created_at) VALUES (?, ?, ?, ?, ?)',
    policy.name,
    policy.version,
    policy.document,
    policy.note,
    policy.created_at,
  );
}

/** Every version of every policy, by name and version. */
export function listPolicies(db: Readable): readonly PolicyVersion[] {
  return db.all<PolicyVersion>(`${SELECT_POLICY} ORDER BY name, version`);
}
