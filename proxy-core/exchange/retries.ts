import type { FailureCode } from '../contract/failures.ts';
import type { Core } from './core.ts';
import { fingerprintOf } from './gate-meeting.ts';
import type { ReadRequest } from './request.ts';
import type { FailedExchange, LiveRun } from './run-directory.ts';

/**
 * Knowing a resend: a request whose fingerprint equals that of an exchange of the same run that failed or was
 * refused is a retry of it. The fingerprint is only worked out where a run has such an exchange, which keeps it off the
 * path of a run that goes well.
 */
const FAILED_LIMIT = 16;

const printOf = (request: ReadRequest, run: LiveRun): string | null =>
  request.facts === null ? null : fingerprintOf(request, run);

/** Note an exchange that a resend would be a retry of; `refusedBy` is null for one that reached the provider. */
export function rememberFailed(
  core: Core,
  request: ReadRequest,
  runId: string | null,
  exchangeId: string | null,
  refusedBy: FailureCode | null,
): void {
  const run = runId === null ? null : core.runs.find(runId);
  if (run === null || exchangeId === null) return;
  const print = printOf(request, run);
  if (print === null) return;
  // Caps come last. What any other refusal stopped is judged again, or a limit could be passed by asking twice.
  const passed = refusedBy === null || refusedBy === 'budget_exceeded';
  const known = run.failed.get(print);
  if (known !== undefined) {
    // A retry that fails too leaves its first attempt remembered: all are retries of the same exchange.
    run.failed.set(print, { ...known, passed: known.passed || passed });
    return;
  }
  const oldest = run.failed.keys().next().value;
  if (run.failed.size >= FAILED_LIMIT && oldest !== undefined) run.failed.delete(oldest);
  run.failed.set(print, { exchangeId, passed });
}

/** A request has been answered: the same one sent again is a new request, no retry. */
export function forgetFailed(request: ReadRequest, run: LiveRun): void {
  if (run.failed.size === 0) return;
  const print = printOf(request, run);
  if (print !== null) run.failed.delete(print);
}

/** The exchange that this request is a retry of, or null. */
export function findRetried(request: ReadRequest, run: LiveRun): FailedExchange | null {
  if (run.failed.size === 0) return null;
  const print = printOf(request, run);
  return print === null ? null : (run.failed.get(print) ?? null);
}
