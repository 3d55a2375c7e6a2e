import { useEffect, useRef } from 'react';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { useNow } from '../../parts/use-now.ts';
import { call, useConnected, useConsole } from '../../store/console.ts';

const LAST_MS = 60_000;

/** Tell the core that a person reads this gate in its last minute: it is then extended once, if the preferences say so. */
export function useReviewing(gate: GateRecord): void {
  const now = useNow();
  const wanted = useConsole((state) => state.preferences.gates.extend_while_reviewing);
  const connected = useConnected();
  const told = useRef<string | null>(null);
  const left = gate.expires_at - now;
  const due = wanted && connected && gate.state === 'pending' && left > 0 && left <= LAST_MS;
  useEffect(() => {
    const key = `${gate.gate_id} ${gate.expires_at}`;
    if (!due || told.current === key || document.visibilityState !== 'visible' || !document.hasFocus()) return;
    told.current = key;
    void call('gates.reviewing', { gate_id: gate.gate_id });
  });
}
