import type { DigestedExchange } from '../digest.ts';
import type { Writable } from '../handle.ts';
import { setExchangeDigested } from '../tables/exchanges.ts';
import { setRunDigested } from '../tables/runs.ts';
import { indexText } from '../tables/texts.ts';
import { isCallPruned } from '../tables/traces.ts';
import { keepArtifact } from './runs.ts';
import type { VerbBody } from './transaction.ts';

const BY_CAPTURE = { actor: 'system', channel: 'capture' } as const;

/** Put texts into the index and keep what tools have made, in the transaction that marks the calls as looked at. */
export const digest: VerbBody<'digest'> = ({ db }, { at, digest: { runs, exchanges }, artifactIds }) => {
  for (const { runId, text } of runs) {
    indexText(db, runId, text);
    setRunDigested(db, runId);
  }
  const ids = artifactIds.values();
  for (const exchange of exchanges) {
    // Retention may have passed since it was read.
    if (!isCallPruned(db, exchange.exchangeId)) {
      indexText(db, exchange.runId, exchange.text);
      keepArtifacts(db, exchange, at, ids);
    }
    setExchangeDigested(db, exchange.exchangeId);
  }
  return { runIds: [...new Set(exchanges.filter(({ artifacts }) => artifacts.length > 0).map(({ runId }) => runId))] };
};

function keepArtifacts(db: Writable, exchange: DigestedExchange, at: number, ids: Iterator<string>): void {
  const { runId, exchangeId } = exchange;
  for (const { name, contentType, body, callId, tool } of exchange.artifacts) {
    const next = ids.next();
    if (next.done === true) throw new RangeError('an id is missing for an artifact');
    const artifact = { at, artifactId: next.value, runId, name, contentType, body, by: BY_CAPTURE };
    keepArtifact(db, artifact, exchangeId, { captured_from: 'tool_result', call_id: callId, tool });
  }
}
