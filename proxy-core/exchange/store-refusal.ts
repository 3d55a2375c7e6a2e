import { type Failure, failure } from '../contract/failures.ts';
import type { StoreUnavailable } from '../store/store.ts';
import { cureOf } from '../store/trouble-words.ts';

/** The refusal while the store cannot be written: nothing is spent unrecorded. */
export function storeRefusal(error: StoreUnavailable): Failure {
  return failure(
    'store_unavailable',
    'The audit store cannot be written; nothing is let through unrecorded.',
    { reason: error.trouble.reason, recover: `The operator can help: ${cureOf(error.trouble)}` },
    5,
  );
}
