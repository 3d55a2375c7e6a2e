import type { GateRecord } from '../contract/records.ts';
import { suggestedPause } from './bodies.ts';

/** Later than this many pauses, an agent that was to ask again has probably stopped. */
const PATIENCE = 3;

/**
 * When an agent that polls is expected to ask again, epoch ms: at the pace it has shown (`gapMs`, between its last two
 * requests), else at the one it was told. In the past when it is late; null when it has probably given up.
 */
export function expectedRetry(
  gate: Pick<GateRecord, 'retries' | 'created_at' | 'last_retry_at' | 'expires_at'>,
  gapMs: number | null,
  now: number,
): number | null {
  const last = gate.last_retry_at ?? gate.created_at;
  const pause = gapMs ?? suggestedPause(gate.retries, last, gate.expires_at) * 1000;
  const next = last + pause;
  return now > next + PATIENCE * Math.max(pause, 10_000) ? null : next;
}
