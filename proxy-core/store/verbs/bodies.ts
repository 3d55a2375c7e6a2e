import type { Writable } from '../handle.ts';
import { insertRequestBody, insertWholeBody } from '../tables/bodies.ts';
import { findExchangeRun, setExchangeBody } from '../tables/exchanges.ts';
import { isCallPruned } from '../tables/traces.ts';
import type { VerbBody } from './transaction.ts';

export const storeRequest: VerbBody<'storeRequest'> = ({ db, recent }, { exchangeId, body, masked }) => {
  const runId = runOf(db, exchangeId);
  // So late that retention has passed: nothing would remove it, and what came since must not build on it.
  if (isCallPruned(db, exchangeId)) return null;
  setExchangeBody(db, exchangeId, 'request', insertRequestBody(db, recent, runId, body), masked);
  return null;
};

export const storeResponse: VerbBody<'storeResponse'> = ({ db }, { exchangeId, body, masked }) => {
  runOf(db, exchangeId);
  if (isCallPruned(db, exchangeId)) return null;
  setExchangeBody(db, exchangeId, 'response', insertWholeBody(db, body), masked);
  return null;
};

function runOf(db: Writable, exchangeId: string): string {
  const runId = findExchangeRun(db, exchangeId);
  if (runId === null) throw new Error(`no such exchange: ${exchangeId}`);
  return runId;
}
