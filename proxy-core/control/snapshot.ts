import type { GateRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import type { HostPort } from '../ports.ts';
import type { Handlers } from './call.ts';
import { coreStatus, type Whereabouts } from './core-status.ts';
import type { Feed } from './feed.ts';
import { expireDue, withRetries } from './gates.ts';
import { readPreferences } from './preferences.ts';
import type { Snoozes } from './snoozes.ts';

/** What a snapshot is made of, besides the core. */
export interface SnapshotSources {
  readonly feed: Feed;
  readonly host: HostPort;
  readonly snoozes: Snoozes;
  whereabouts(): Whereabouts;
}

/**
 * What the console starts from. The cursor is taken first: an event after it may already be in the state that is read
 * (every event can be applied twice), but none that is missing in the state lies before it.
 */
export function snapshotHandlers(core: Core, sources: SnapshotSources): Pick<Handlers, 'core.snapshot'> {
  return {
    'core.snapshot': async () => {
      const cursor = sources.feed.cursor();
      await expireDue(core);
      const status = await coreStatus(core, sources.whereabouts());
      const { read } = core.store;
      const now = core.clock.now();
      return {
        cursor,
        now,
        status,
        host: sources.host.describe(),
        preferences: readPreferences(core.store),
        gates: read
          .liveGates()
          .filter((gate) => matters(gate, now))
          .map((gate) => withRetries(core, gate)),
        snoozed: [...sources.snoozes.list()],
        grants: [...read.grants(now)],
        calls_today: read.callsPassed(localMidnight(now)),
        runs_total: read.runsTotal(),
      };
    },
  };
}

/** Nobody has decided, the verdict can still be undone, or the agent has not fetched what was approved. */
function matters(gate: GateRecord, now: number): boolean {
  if (gate.state === 'pending') return true;
  if (gate.state === 'approved' && gate.released_at === null) return true;
  return gate.effective_at !== null && now < gate.effective_at;
}

const localMidnight = (now: number): number => new Date(now).setHours(0, 0, 0, 0);
