import { z } from 'zod';
import { type Channel, DELIVERED } from './channel.ts';

/** Whoever plans what a person is shown (`attention.ts`). */
export interface NoticePlanner {
  /** Tell of this gate, at the time and in the form that the preferences allow. Planning one twice is planning it once. */
  plan(gateId: string): void;
  /** Show at once that notices arrive. */
  test(): void;
}

export interface DesktopSettings {
  readonly kind: 'desktop';
  readonly planner: NoticePlanner;
}

const storedNotice = z.object({ gate_id: z.string() });

/**
 * `desktop://`: notices for a person at this machine, of gates that name it. Delivered means planned: whether and when
 * one is shown is a matter of quiet hours and of how many wait; a host that could not show it says so by `notices.report`.
 */
export function openDesktop({ planner }: DesktopSettings): Channel {
  return {
    name: 'desktop://',
    kind: 'desktop',
    events: [],
    async deliver({ payload }) {
      planner.plan(storedNotice.parse(JSON.parse(payload)).gate_id);
      return DELIVERED;
    },
    async test() {
      planner.test();
      return DELIVERED;
    },
    close: () => Promise.resolve(),
  };
}
