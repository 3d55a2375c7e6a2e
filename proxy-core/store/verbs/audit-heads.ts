import { insertSignedHead } from '../tables/audit-heads.ts';
import type { VerbBody } from './transaction.ts';

export const signHead: VerbBody<'signHead'> = ({ db }, { head }) => {
  insertSignedHead(db, head);
  return null;
};
