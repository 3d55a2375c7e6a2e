import { appendAudit, sha256 } from '../tables/audit.ts';
import { findNewestPolicy, insertPolicy } from '../tables/policies.ts';
import { saveSetting } from '../tables/settings.ts';
import type { VerbBody } from './transaction.ts';

export const savePolicy: VerbBody<'savePolicy'> = ({ db }, { at, name, document, note, by }) => {
  const newest = findNewestPolicy(db, name);
  if (newest?.document === document) return { name, version: newest.version, created: false };
  const version = (newest?.version ?? 0) + 1;
  insertPolicy(db, { name, version, document, note, created_at: at });
  const fields = { name, version, note, sha256: sha256(document) };
  appendAudit(db, { at, kind: 'policy.saved', by, runId: null, fields });
  return { name, version, created: true };
};

export const setSetting: VerbBody<'setSetting'> = ({ db }, { at, name, value, by }) => {
  saveSetting(db, name, value, at);
  appendAudit(db, { at, kind: 'setting.set', by, runId: null, fields: { name, value } });
  return null;
};

export const recordFact: VerbBody<'recordFact'> = ({ db }, { at, kind, fields, by }) => {
  appendAudit(db, { at, kind, by, runId: null, fields });
  return null;
};
