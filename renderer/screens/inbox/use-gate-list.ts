import { useMemo, useState } from 'react';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { useNow } from '../../parts/use-now.ts';
import { useConsole } from '../../store/console.ts';
import { collapse, type Entry } from './collapse.ts';
import { arrange, inOrder, NOTHING_SHOWN } from './order.ts';
import { isDecidable } from './phase.ts';
import { matchesSearch } from './subject.ts';

/** The rows of the pending or the snoozed tab. */
export interface GateList {
  readonly entries: readonly Entry[];
  readonly ids: readonly string[];
  /** Before the search. */
  readonly total: number;
  /** Gates that came while the list was frozen and still ask for a decision. */
  readonly arrived: number;
  /** Let them in and put everything in order. */
  refresh(): void;
}

/** What the list shows; `frozen` keeps every row where it is. */
export function useGateList(tab: 'pending' | 'snoozed', frozen: boolean, search: string): GateList {
  const gates = useConsole((state) => state.gates);
  const snoozed = useConsole((state) => state.snoozed);
  const now = useNow();
  const byId = useMemo(() => {
    const hidden = (gate: GateRecord): boolean => (snoozed.get(gate.gate_id) ?? 0) > now && isDecidable(gate, now);
    const here = [...gates.values()].filter((gate) => hidden(gate) === (tab === 'snoozed'));
    return new Map(collapse(here).map((entry) => [entry.gate.gate_id, entry]));
  }, [gates, snoozed, now, tab]);
  const wanted = useMemo(() => {
    const order = inOrder(
      [...byId.values()].map(({ gate }) => gate),
      now,
    );
    return tab === 'pending' ? order : order.toSorted((a, b) => (snoozed.get(a) ?? 0) - (snoozed.get(b) ?? 0));
  }, [byId, now, tab, snoozed]);
  const [arrangement, setArrangement] = useState(NOTHING_SHOWN);
  const waits = (id: string): boolean => {
    const entry = byId.get(id);
    return entry !== undefined && isDecidable(entry.gate, now);
  };
  // With nothing left to decide in it, the list has nothing to protect.
  const protectedNow = frozen && arrangement.shown.some(waits);
  const next = arrange(arrangement, wanted, protectedNow, (id) => byId.has(id));
  if (next !== arrangement) setArrangement(next);
  const all = next.shown.flatMap((id) => byId.get(id) ?? []);
  const entries = search.trim() === '' ? all : all.filter(({ gate }) => matchesSearch(gate, search));
  return {
    entries,
    ids: entries.map(({ gate }) => gate.gate_id),
    total: all.length,
    arrived: next.arrived.filter(waits).length,
    refresh: () => setArrangement({ shown: wanted, arrived: [] }),
  };
}
