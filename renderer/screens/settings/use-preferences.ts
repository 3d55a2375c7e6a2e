import type { Preferences } from '../../../proxy-core/contract/host.ts';
import { call, useConnected, useConsole } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';

/** The preferences and how to change one group of them; the page shows a change once the core has it. */
export function usePreferences() {
  const preferences = useConsole((state) => state.preferences);
  const connected = useConnected();
  const change = async <G extends keyof Preferences>(group: G, values: Partial<Preferences[G]>): Promise<void> => {
    const latest = useConsole.getState().preferences;
    const next: Preferences = { ...latest, [group]: { ...latest[group], ...values } };
    const reply = await call('preferences.set', { preferences: next });
    if (!reply.ok) toast(`Not changed: ${reply.failure.message}`, 'failed');
  };
  return { preferences, change, connected };
}
