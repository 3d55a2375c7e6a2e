import { insertNotice, noteAttempt } from '../tables/notices.ts';
import type { VerbBody } from './transaction.ts';

/** Put a notice into the outbox; the same event for the same channel is there once. */
export const enqueueNotice: VerbBody<'enqueueNotice'> = ({ db }, input) => {
  insertNotice(db, input);
  return null;
};

/** Note an attempt. What has been delivered or given up stays as it is. */
export const noteDelivery: VerbBody<'noteDelivery'> = ({ db }, input) => {
  noteAttempt(db, input);
  return null;
};
