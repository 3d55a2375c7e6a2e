import { call, useConsole } from '../store/console.ts';
import { toast } from '../store/toasts.ts';

/** Refuse every new call from now on. The console shows it once the core says so. */
export async function pauseAll(): Promise<void> {
  const reply = await call('core.pause', {});
  if (!reply.ok) toast(`Not paused: ${reply.failure.message}`, 'failed');
}

export async function resumeAll(): Promise<void> {
  const reply = await call('core.resume', {});
  if (!reply.ok) toast(`Not resumed: ${reply.failure.message}`, 'failed');
}

export const usePaused = (): boolean => useConsole(({ status }) => status?.paused === true);
