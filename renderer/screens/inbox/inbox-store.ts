import { create } from 'zustand';

/** What this window alone knows of the inbox; the gates themselves are the core's. */
interface InboxState {
  /** Gates whose command is under way: no second one is sent. */
  readonly busy: ReadonlySet<string>;
  /** Gates that were decided in this window. */
  readonly decidedHere: ReadonlySet<string>;
  /** Gates chosen for a common decision, in the order chosen. */
  readonly chosen: readonly string[];
  /** Long payloads that were read to their end, or said to have been. */
  readonly reviewed: ReadonlySet<string>;
  readonly diffMode: 'unified' | 'split';
  /** Which pane a narrow page shows. */
  readonly pane: 'list' | 'gate';
}

export const useInboxStore = create<InboxState>(() => ({
  busy: new Set(),
  decidedHere: new Set(),
  chosen: [],
  reviewed: new Set(),
  diffMode: 'unified',
  pane: 'list',
}));

export const setBusy = (gateId: string, busy: boolean): void =>
  useInboxStore.setState((state) => {
    const next = new Set(state.busy);
    if (busy) next.add(gateId);
    else next.delete(gateId);
    return { busy: next };
  });

export const noteDecidedHere = (gateId: string): void =>
  useInboxStore.setState(({ decidedHere }) => ({ decidedHere: new Set(decidedHere).add(gateId) }));

export const choose = (ids: readonly string[]): void => useInboxStore.setState({ chosen: [...new Set(ids)] });

export const toggleChosen = (gateId: string): void =>
  useInboxStore.setState(({ chosen }) => ({
    chosen: chosen.includes(gateId) ? chosen.filter((id) => id !== gateId) : [...chosen, gateId],
  }));

export const showPane = (pane: 'list' | 'gate'): void => useInboxStore.setState({ pane });

/** The key under which a payload counts as read: other arguments are another payload. */
export const reviewKey = (actionHash: string, index: number): string => `${actionHash}:${index}`;

export const noteReviewed = (keys: readonly string[], reviewed = true): void =>
  useInboxStore.setState((state) => {
    const next = new Set(state.reviewed);
    for (const key of keys) {
      if (reviewed) next.add(key);
      else next.delete(key);
    }
    return { reviewed: next };
  });

export const toggleDiffMode = (): void =>
  useInboxStore.setState(({ diffMode }) => ({ diffMode: diffMode === 'unified' ? 'split' : 'unified' }));
