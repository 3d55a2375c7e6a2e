import type { Bus } from '../bus.ts';
import type { PublishedEvent } from '../contract/events.ts';
import type { NoticeRecord, Preferences } from '../contract/host.ts';
import { nanoUsd, ZERO_USD } from '../contract/money.ts';
import type { GateRecord } from '../contract/records.ts';
import { excerpt, visible } from '../contract/visible.ts';
import { type AttentionState, NO_ATTENTION, planAttention } from '../notify/attention.ts';
import type { KindOfTool } from '../notify/desktop-notice.ts';
import { renderTestNotice, type WaitingGate } from '../notify/notice-text.ts';
import { type Credited, type LocalInstant, owedQuiet, quietSpans } from '../notify/quiet-hours.ts';
import type { Clock, Log } from '../ports.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { By, StoreReader } from '../store/store.ts';
import type { NoticePlanner } from './desktop.ts';
import { SYSTEM_TIMERS, type Timers } from './lanes.ts';

/** What telling a person of waiting gates needs. */
export interface AttentionPorts {
  readonly read: Pick<StoreReader, 'gate' | 'liveGates' | 'run'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly kindOfTool: KindOfTool;
  readonly riskOf: (gate: GateRecord) => WaitingGate['risk'];
  readonly preferences: () => Preferences['notifications'];
  /** Until when a gate is hidden, epoch ms. */
  readonly snoozedUntil: (gateId: string) => number | null;
  /** Let a pending gate expire later; recorded in the audit. */
  readonly extend: (gateId: string, ms: number, by: By) => Promise<unknown>;
  readonly timers?: Timers;
  readonly local?: LocalInstant;
}

/**
 * Tells people of waiting gates: plans by `notify/attention.ts` whenever something happens and publishes `notice.shown`
 * and `notice.withdrawn` for whoever can show them. One timer, for the next instant at which something is due.
 */
export interface Attention extends NoticePlanner {
  /** Begin: with what waits already. Call it when whoever shows notices can be listening. */
  start(): void;
  /** Look at the clock: after a sleep or a change of the clock. */
  look(): void;
  /** A host says how showing a notice went; a failure is published as `notice.failed`. */
  report(noticeId: string, outcome: 'shown' | 'failed' | 'dismissed', detail: string): void;
  close(): void;
}

/** The quiet hours' own extension, as the audit has it. */
const QUIET: By = { actor: 'system', channel: 'quiet-hours' };
/** Longest time between two looks while something waits: clocks are moved and machines sleep. */
const LOOK_MS = 15_000;

/** How many notices are remembered for a report of their failure. */
const KEPT_NOTICES = 200;

/** The local time of this process. */
export const SYSTEM_LOCAL: LocalInstant = (at, days, minutes) => {
  const day = new Date(at);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days, 0, minutes).getTime();
};

/** An attention that says nothing before it is started. */
export function createAttention(ports: AttentionPorts): Attention {
  const { bus, clock, log, preferences, redactor } = ports;
  const timers = ports.timers ?? SYSTEM_TIMERS;
  const local = ports.local ?? SYSTEM_LOCAL;
  const gates = trackGates(ports, local);
  const onScreen = new Map<string, NoticeRecord>();
  let state: AttentionState = NO_ATTENTION;
  let cancel = (): void => undefined;
  let due = false;
  let stage: 'idle' | 'running' | 'closed' = 'idle';

  const show = (notice: NoticeRecord): void => {
    onScreen.set(notice.notice_id, notice);
    for (const oldest of onScreen.keys()) if (onScreen.size > KEPT_NOTICES) onScreen.delete(oldest);
    bus.publish('notice.shown', { notice });
  };

  const look = (): void => {
    if (stage !== 'running') return;
    cancel();
    const now = clock.now();
    gates.creditQuiet(now);
    const plan = planAttention(state, {
      now,
      gates: gates.told(now),
      preferences: preferences(),
      local,
      kindOfTool: ports.kindOfTool,
      redactor,
    });
    state = plan.state;
    for (const step of plan.steps) {
      if (step.kind === 'show') show(step.notice);
      else {
        onScreen.delete(step.notice_id);
        bus.publish('notice.withdrawn', { notice_id: step.notice_id, gate_id: step.gate_id });
      }
    }
    if (plan.wakeAt !== null) cancel = timers.after(Math.max(0, Math.min(plan.wakeAt - now, LOOK_MS)), safeLook);
  };
  const safeLook = (): void => {
    try {
      look();
    } catch (error) {
      log.error('attention.failed', { error: String(error) });
    }
  };
  /** Not within the event that asks for it: what is published here must come after that event for every listener. */
  const lookSoon = (): void => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      safeLook();
    });
  };

  const unsubscribe = bus.subscribe((event) => {
    if (gates.note(event) || event.name === 'preferences.changed' || event.name === 'approval.snoozed') lookSoon();
  });

  return {
    start() {
      stage = 'running';
      cancel = timers.after(0, safeLook);
    },
    look: safeLook,
    plan(gateId) {
      gates.tell(gateId);
      lookSoon();
    },
    test() {
      show(renderTestNotice(`test:${clock.now()}`));
    },
    report(noticeId, outcome, detail) {
      const notice = onScreen.get(noticeId);
      if (notice === undefined || outcome !== 'failed') return;
      log.warn('notice.not_shown', { notice_id: noticeId });
      bus.publish('notice.failed', { notice, detail: excerpt(visible(redactor.text(detail).value), 300) });
    },
    close() {
      stage = 'closed';
      unsubscribe();
      cancel();
    },
  };
}

interface Tracked {
  readonly gate: GateRecord;
  /** It names the desktop, and the outbox has passed it on. */
  readonly told: boolean;
  readonly credited: Credited;
}

/** The gates that wait, as the events leave them. */
function trackGates(
  { read, clock, log, preferences, riskOf, snoozedUntil, extend }: AttentionPorts,
  local: LocalInstant,
) {
  const tracked = new Map<string, Tracked>();
  const put = (gate: GateRecord, change: Partial<Tracked> = {}): void => {
    const known = tracked.get(gate.gate_id) ?? { told: false, credited: [] };
    tracked.set(gate.gate_id, { ...known, ...change, gate });
  };
  /** Before a restart its quiet time has been reckoned with. */
  const creditedBefore = (gate: GateRecord): Credited => {
    const wishes = preferences();
    if (!wishes.pause_expiry_in_quiet_hours) return [];
    return quietSpans(wishes, { from: gate.created_at, to: gate.expires_at }, clock.now(), local);
  };
  for (const gate of read.liveGates()) {
    if (gate.state !== 'pending') continue;
    put(gate, { told: gate.approver_channels.includes('desktop://'), credited: creditedBefore(gate) });
  }

  const creditGate = async ({ gate, credited }: Tracked, now: number): Promise<void> => {
    const owed = owedQuiet(preferences(), { expiresAt: gate.expires_at, credited }, now, local);
    if (owed.ms === 0) return;
    put(gate, { credited: owed.credited });
    try {
      await extend(gate.gate_id, owed.ms, QUIET);
    } catch (error) {
      const latest = tracked.get(gate.gate_id);
      if (latest !== undefined) put(latest.gate, { credited });
      log.error('attention.not_extended', { gate_id: gate.gate_id, error: String(error) });
    }
  };

  return {
    /** Whether this event changed anything here. */
    note(event: PublishedEvent): boolean {
      const gate = gateOf(event);
      if (gate === null) return false;
      // What was decided before it was known here is of no interest; what is known stays for its undo window.
      if (gate.state !== 'pending' && !tracked.has(gate.gate_id)) return false;
      put(gate);
      return true;
    },
    tell(gateId: string): void {
      const gate = tracked.get(gateId)?.gate ?? read.gate(gateId);
      if (gate !== null) put(gate, { told: true });
    },
    /** Let quiet time not count, where a person wants that. */
    creditQuiet(now: number): void {
      if (!preferences().pause_expiry_in_quiet_hours) return;
      for (const each of tracked.values()) {
        if (each.gate.state === 'pending' && each.gate.expires_at > now) void creditGate(each, now);
      }
    },
    told(now: number): readonly WaitingGate[] {
      for (const [gateId, { gate }] of tracked) if (isOver(gate, now)) tracked.delete(gateId);
      return [...tracked.values()].flatMap(({ gate, told }) => {
        if (!told) return [];
        const spent = read.run(gate.run_id)?.spent_nano;
        const { gate_id: gateId } = gate;
        return [
          {
            gate,
            risk: riskOf(gate),
            spent: spent === undefined ? ZERO_USD : nanoUsd(spent),
            snoozedUntil: snoozedUntil(gateId),
          },
        ];
      });
    },
  };
}

/** Decided for good: its verdict has taken effect, so it cannot be pending again. */
const isOver = ({ state, effective_at: at }: GateRecord, now: number): boolean =>
  state !== 'pending' && (at === null || at <= now);

function gateOf(event: PublishedEvent): GateRecord | null {
  const { body } = event;
  return event.name.startsWith('approval.') && 'gate' in body ? body.gate : null;
}
