import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { call } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';

/** Commands on one run. The screens show their effect once the core tells of it; a refusal is told as a message. */

export const hasEnded = (run: RunRecord): boolean => run.state === 'completed' || run.state === 'stopped';

/** Refuse the run's new calls until it is resumed. */
export async function pauseRun(runId: string): Promise<void> {
  const reply = await call('runs.pause', { run_id: runId });
  if (!reply.ok) toast(`Not paused: ${reply.failure.message}`, 'failed');
}

/** Let the run's calls through again. */
export async function resumeRun(runId: string): Promise<void> {
  const reply = await call('runs.resume', { run_id: runId });
  if (!reply.ok) toast(`Not resumed: ${reply.failure.message}`, 'failed');
}

/** End the run: its calls are refused from now on. Whether it was done. */
export async function stopRun(runId: string): Promise<boolean> {
  const reply = await call('runs.stop', { run_id: runId });
  toast(reply.ok ? `Stopped ${runId}` : `Not stopped: ${reply.failure.message}`, reply.ok ? 'done' : 'failed');
  return reply.ok;
}
