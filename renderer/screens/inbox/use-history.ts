import { useCallback, useEffect, useRef, useState } from 'react';
import type { Failure } from '../../../proxy-core/contract/failures.ts';
import type { GateRecord, GateState } from '../../../proxy-core/contract/records.ts';
import { useQuery } from '../../parts/use-query.ts';
import { call, useConsole } from '../../store/console.ts';

export type HistoryState = 'all' | Exclude<GateState, 'pending'>;

/** Gates that are over, newest first, page by page. */
export interface History {
  /** Null until the first page is there. */
  readonly gates: readonly GateRecord[] | null;
  readonly failure: Failure | null;
  readonly loading: boolean;
  readonly more: boolean;
  loadMore(): void;
  reload(): void;
}

interface Loaded {
  readonly gates: readonly GateRecord[] | null;
  readonly next: string | null;
  readonly failure: Failure | null;
  readonly loading: boolean;
}

const NOTHING: Loaded = { gates: null, next: null, failure: null, loading: true };
const PAGE = 50;
const MOST_SEARCHED = 100;

/**
 * The history in one state, or all. What changes while it is shown is put in its place; older pages stay. With a search
 * the gates are added whose rule or agent the core finds by it, on whatever page they are.
 */
export function useHistory(state: HistoryState, search: string): History {
  const history = useHistoryPages(state);
  const find = search.trim().slice(0, MOST_SEARCHED);
  const found = useQuery('gates.list', find.length < 2 ? null : { states: statesOf(state), find, limit: PAGE });
  return found.value === null || history.gates === null
    ? history
    : { ...history, gates: joined(history.gates, found.value.gates) };
}

function useHistoryPages(state: HistoryState): History {
  const revision = useConsole((console) => console.revision.gates);
  const [loaded, setLoaded] = useState<Loaded>(NOTHING);
  const [again, setAgain] = useState(0);
  const turn = useRef(0);
  const shown = useRef(state);
  const load = useCallback(
    async (cursor: string | null): Promise<void> => {
      turn.current += 1;
      const mine = turn.current;
      setLoaded((before) => ({ ...before, loading: true }));
      const reply = await call('gates.list', {
        limit: PAGE,
        states: state === 'all' ? ['approved', 'rejected', 'expired', 'cancelled'] : [state],
        ...(cursor === null ? {} : { cursor }),
      });
      if (mine !== turn.current) return;
      setLoaded((before) => {
        if (!reply.ok) return { ...before, failure: reply.failure, loading: false };
        const gates = joined(before.gates ?? [], reply.value.gates);
        // A page read anew at the top does not take the place of the older ones.
        const next = cursor === null && before.gates !== null ? (before.next ?? reply.value.next) : reply.value.next;
        return { gates, next: gates.length < PAGE ? reply.value.next : next, failure: null, loading: false };
      });
    },
    [state],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: events and retries read the first page anew
  useEffect(() => {
    if (shown.current !== state) setLoaded(NOTHING);
    shown.current = state;
    void load(null);
  }, [load, state, revision, again]);
  const { next } = loaded;
  return {
    gates: loaded.gates,
    failure: loaded.failure,
    loading: loaded.loading,
    more: next !== null,
    loadMore: () => {
      if (next !== null) void load(next);
    },
    reload: () => setAgain((count) => count + 1),
  };
}

const OVER = ['approved', 'rejected', 'expired', 'cancelled'] as const;

const statesOf = (state: HistoryState): Exclude<GateState, 'pending'>[] => (state === 'all' ? [...OVER] : [state]);

/** Both lists without doubles, the later reading counts, newest first. */
function joined(before: readonly GateRecord[], read: readonly GateRecord[]): readonly GateRecord[] {
  const byId = new Map(before.map((gate) => [gate.gate_id, gate]));
  for (const gate of read) byId.set(gate.gate_id, gate);
  return [...byId.values()].toSorted((a, b) => b.created_at - a.created_at || (a.gate_id < b.gate_id ? 1 : -1));
}
