import type { Writable } from '../handle.ts';
import { insertRequestBody, insertWholeBody } from '../tables/bodies.ts';
import { type ExchangeHead, findExchangeHead, setExchangeBody } from '../tables/exchanges.ts';
import type { VerbBody } from './transaction.ts';

export const storeRequest: VerbBody<'storeRequest'> = ({ db, recent }, { exchangeId, body }) => {
  const { run_id } = requireExchange(db, exchangeId);
  setExchangeBody(db, exchangeId, 'request', insertRequestBody(db, recent, run_id, body));
  return null;
};

export const storeResponse: VerbBody<'storeResponse'> = ({ db }, { exchangeId, body }) => {
  requireExchange(db, exchangeId);
  setExchangeBody(db, exchangeId, 'response', insertWholeBody(db, body));
  return null;
};

function requireExchange(db: Writable, exchangeId: string): ExchangeHead {
  const exchange = findExchangeHead(db, exchangeId);
  if (exchange === null) throw new Error(`no such exchange: ${exchangeId}`);
  return exchange;
}
