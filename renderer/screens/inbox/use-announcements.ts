import { useEffect, useRef } from 'react';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { useNow } from '../../parts/use-now.ts';
import { announce } from '../../store/announcer.ts';
import { useConsole } from '../../store/console.ts';
import { expiryAnnouncement } from './countdown.ts';
import { isDecidable } from './phase.ts';
import { subjectOf } from './subject.ts';

/** Tell a screen reader of each new gate once, and of expiries that come close. */
export function useAnnouncements(): void {
  const gates = useConsole((state) => state.gates);
  const snoozed = useConsole((state) => state.snoozed);
  const now = useNow();
  const known = useRef<ReadonlySet<string> | null>(null);
  const looked = useRef(now);
  useEffect(() => {
    const before = known.current;
    known.current = new Set(gates.keys());
    if (before === null) return;
    const fresh = [...gates.values()].filter((gate) => gate.state === 'pending' && !before.has(gate.gate_id));
    const [only] = fresh;
    if (only === undefined) return;
    const { verb } = subjectOf(only);
    announce(
      fresh.length === 1 ? visible(`New gate: ${only.agent}, ${verb}, rule ${only.rule}`) : `${fresh.length} new gates`,
    );
  }, [gates]);
  useEffect(() => {
    const asking = [...gates.values()].filter(
      (gate) => isDecidable(gate, now) && (snoozed.get(gate.gate_id) ?? 0) <= now,
    );
    const text = expiryAnnouncement(asking, looked.current, now);
    looked.current = now;
    if (text !== null) announce(text);
  }, [gates, snoozed, now]);
}
