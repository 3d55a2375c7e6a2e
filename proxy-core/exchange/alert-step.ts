import type { VerbInput } from '../store/store.ts';
import type { Core } from './core.ts';
import type { LiveRun } from './run-directory.ts';

/** Put an alert into a run's trace; of a run that the store has not begun, once it has. Nothing waits for it. */
export function addAlertStep(
  core: Core,
  run: LiveRun,
  exchangeId: string | null,
  summary: string,
  detail: Readonly<Record<string, unknown>>,
  audit: VerbInput<'addStep'>['audit'] = null,
): void {
  const at = core.clock.now();
  const step = { at, runId: run.runId, kind: 'alert', exchangeId, summary, detail, audit } as const;
  const write = (): void => void core.store.write('addStep', step).committed.catch(() => undefined);
  if (run.start === null) write();
  else run.afterStart.push(write);
}
