import { clipboard, dialog } from 'electron';
import type { OperationInput, OperationName, OperationOutput } from '../proxy-core/contract/operations.ts';
import type { Rungate } from '../proxy-core/index.ts';
import type { Desk } from './desk-state.ts';

/** What a person can ask of the core from the tray and the menu. */
export interface DeskActions {
  /** Pause at once; resuming asks first. */
  togglePause(): Promise<void>;
  /** Quiet for an hour, or again audible. */
  toggleQuiet(): Promise<void>;
  copyBaseUrl(): Promise<void>;
}

const BY = { actor: 'operator', channel: 'desktop' };
const QUIET_MS = 3_600_000;

export const isQuietNow = ({ preferences }: Desk, now: number): boolean =>
  (preferences.notifications.quiet_until ?? 0) > now;

/** Actions over a started core; a refusal is shown. */
export function createDeskActions(rungate: Pick<Rungate, 'call' | 'agentUrl'>, desk: () => Desk): DeskActions {
  const call = async <N extends OperationName>(name: N, input: OperationInput<N>): Promise<void> => {
    const reply = await rungate.call(name, input, BY);
    if (!reply.ok) dialog.showErrorBox('Rungate', reply.failure.message);
  };
  return {
    async togglePause() {
      if (!desk().paused) return call('core.pause', {});
      const { response } = await dialog.showMessageBox({
        type: 'question',
        message: 'Resume all agents?',
        detail: 'New calls go to the providers again.',
        buttons: ['Resume', 'Cancel'],
        defaultId: 0,
        cancelId: 1,
      });
      if (response === 0) await call('core.resume', {});
    },
    async toggleQuiet() {
      const now = Date.now();
      const { preferences } = desk();
      const quiet_until = isQuietNow(desk(), now) ? null : now + QUIET_MS;
      const notifications = { ...preferences.notifications, quiet_until };
      await call('preferences.set', { preferences: { ...preferences, notifications } });
    },
    copyBaseUrl: () => clipboard.writeText(rungate.agentUrl),
  };
}

/** Runs that have not ended: their agents lose the proxy when it goes. Null when the core cannot say. */
export async function countOpenRuns(rungate: Pick<Rungate, 'call'>): Promise<number | null> {
  const reply = await rungate.call('runs.list', { states: ['open', 'waiting'], limit: 1 }, BY);
  return reply.ok ? (reply.value as OperationOutput<'runs.list'>).total : null;
}
