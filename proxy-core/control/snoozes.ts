import type { Bus } from '../bus.ts';
import type { Clock } from '../ports.ts';

/**
 * Gates that the operator has hidden for a while, at most until they are decided. In memory: after a restart every pending gate is shown again, which
 * errs towards a person seeing it.
 */
export interface Snoozes {
  /** Hide a gate until an instant (epoch ms), or bring it back (null). */
  set(gateId: string, until: number | null): void;
  /** Until when a gate is hidden; null: it is shown. */
  until(gateId: string): number | null;
  /** What is hidden now. */
  list(): readonly { readonly gate_id: string; readonly until: number }[];
}

/** Nothing is hidden yet. A gate is shown again from its instant on, that included. */
export function createSnoozes(clock: Clock, bus: Pick<Bus, 'subscribe'>): Snoozes {
  const hidden = new Map<string, number>();
  bus.subscribe(({ body }) => {
    if ('gate' in body && body.gate.state !== 'pending') hidden.delete(body.gate.gate_id);
  });
  const forgetPast = (): void => {
    for (const [gateId, until] of hidden) if (clock.now() >= until) hidden.delete(gateId);
  };
  return {
    set(gateId, until) {
      forgetPast();
      if (until === null) hidden.delete(gateId);
      else hidden.set(gateId, until);
    },
    until(gateId) {
      forgetPast();
      return hidden.get(gateId) ?? null;
    },
    list() {
      forgetPast();
      return [...hidden].map(([gate_id, until]) => ({ gate_id, until }));
    },
  };
}
