import type { GateRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { stateAt } from '../gates/states.ts';
import type { Caller, Handlers } from './call.ts';
import { alreadyResolved, knownGate } from './gate-refusals.ts';
import { readPreferences } from './preferences.ts';
import type { Snoozes } from './snoozes.ts';

type AttentionHandlers = Pick<Handlers, 'gates.snooze' | 'gates.reviewing'>;

/** A snooze ends this long before its gate expires, at the latest. */
const SHOWN_BEFORE_END_MS = 2 * 60_000;
/** Reviewing extends in the last minute only, once, by this. */
const LAST_MS = 60_000;
const REVIEW_MS = 5 * 60_000;

/** When a reviewer wants to see a gate: not now, or still. */
export function attentionHandlers(core: Core, snoozes: Snoozes): AttentionHandlers {
  /** Gates whose one extension is given or under way. */
  const extended = new Set<string>();

  const review = async (gate: GateRecord, by: Caller): Promise<GateRecord> => {
    const left = gate.expires_at - core.clock.now();
    const wanted = readPreferences(core.store).gates.extend_while_reviewing;
    if (!wanted || left > LAST_MS || extended.has(gate.gate_id)) return gate;
    extended.add(gate.gate_id);
    try {
      const later = await core.gates.extend(gate.gate_id, REVIEW_MS, by);
      if (later !== null) return later;
    } catch (error) {
      extended.delete(gate.gate_id);
      throw error;
    }
    throw alreadyResolved(knownGate(core, gate.gate_id), core.clock.now());
  };

  return {
    'gates.snooze': ({ gate_id, seconds }) => {
      const gate = waitingGate(core, gate_id);
      const now = core.clock.now();
      const latest = Math.min(now + seconds * 1000, gate.expires_at - SHOWN_BEFORE_END_MS);
      const until = latest > now ? latest : null;
      if (until !== snoozes.until(gate_id)) {
        snoozes.set(gate_id, until);
        core.bus.publish('approval.snoozed', { gate_id, until });
      }
      return { gate, until };
    },
    'gates.reviewing': async ({ gate_id }, by) => ({ gate: await review(waitingGate(core, gate_id), by) }),
  };
}

/** The gate as it waits now; refuses one that is resolved, or past its time whether or not that is noted yet. */
function waitingGate(core: Core, gateId: string): GateRecord {
  const gate = core.gates.byId(gateId) ?? knownGate(core, gateId);
  const now = core.clock.now();
  const state = stateAt(gate, now);
  if (gate.state !== 'pending' || state !== 'pending')
    throw alreadyResolved({ ...gate, state: gate.state === 'pending' ? state : gate.state }, now);
  return gate;
}
