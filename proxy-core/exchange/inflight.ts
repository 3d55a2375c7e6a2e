/** Who ends a call that neither side has ended. */
export type AbortReason = 'operator' | 'shutdown';

/** Calls that are under way, so that a stop can cut a run's streams and a shutdown can wait for all of them. */
export interface InFlightCall {
  readonly runId: string;
  /** Null for a wait at a gate: a revocation cancels the gate, which ends the wait. */
  readonly agentId: string | null;
  abort(reason: AbortReason): void;
}

export interface InFlight {
  /** Register a call; the returned function removes it. */
  enter(call: InFlightCall): () => void;
  /** Abort every call of one run. */
  abortRun(runId: string): void;
  /** Abort every call of one agent, when its token is revoked. */
  abortAgent(agentId: string): void;
  abortAll(reason: AbortReason): void;
  readonly size: number;
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>;
}

/** A register of calls, empty. */
export function createInFlight(): InFlight {
  const calls = new Set<InFlightCall>();
  let waiters: (() => void)[] = [];
  return {
    get size() {
      return calls.size;
    },
    enter(call) {
      calls.add(call);
      return () => {
        calls.delete(call);
        if (calls.size > 0) return;
        for (const wake of waiters) wake();
        waiters = [];
      };
    },
    abortRun(runId) {
      for (const call of calls) if (call.runId === runId) call.abort('operator');
    },
    abortAgent(agentId) {
      for (const call of calls) if (call.agentId === agentId) call.abort('operator');
    },
    abortAll(reason) {
      for (const call of calls) call.abort(reason);
    },
    idle: () => (calls.size === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
  };
}
