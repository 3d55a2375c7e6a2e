import type { NoticeRecord, Preferences } from '../contract/host.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { KindOfTool } from './desktop-notice.ts';
import { renderGateNotice, renderSummary, type WaitingGate } from './notice-text.ts';
import { type LocalInstant, quietAt } from './quiet-hours.ts';

/**
 * When a person is told of waiting gates: once when one opens, at most three times again, never of a burst one by one,
 * never aloud in quiet hours, and no longer than it waits. A reducer over what is known now; looking twice at the same
 * instant changes nothing.
 */

/** All that a look at the gates needs. */
export interface AttentionFacts {
  /** Epoch ms. */
  readonly now: number;
  /** The gates to tell of, by their state in the store: pending ones, and those decided whose verdict can be taken back. */
  readonly gates: readonly WaitingGate[];
  readonly preferences: Preferences['notifications'];
  readonly local: LocalInstant;
  readonly kindOfTool: KindOfTool;
  readonly redactor: Redactor;
}

/** What has been told of one gate. */
interface Told {
  readonly asked: boolean;
  readonly reminders: number;
  /** Times to remind up to here have been seen to, epoch ms. */
  readonly remindedUpTo: number;
  readonly snoozed: boolean;
  /** It opened, or came up again, in quiet hours that have not ended. */
  readonly missed: boolean;
  /** The notice on screen, if any, and how many there have been: it names the next. */
  readonly onScreen: string | null;
  readonly notices: number;
}

interface Summary {
  readonly noticeId: string;
  readonly shownAt: number;
  readonly gates: ReadonlySet<string>;
}

export interface AttentionState {
  readonly told: ReadonlyMap<string, Told>;
  /** When gates came up in the last 30 s, once for each. */
  readonly recent: readonly number[];
  readonly summary: Summary | null;
  readonly summaries: number;
  readonly quiet: boolean;
}

export const NO_ATTENTION: AttentionState = {
  told: new Map(),
  recent: [],
  summary: null,
  summaries: 0,
  quiet: false,
};

export type AttentionStep =
  | { readonly kind: 'show'; readonly notice: NoticeRecord }
  | { readonly kind: 'withdraw'; readonly notice_id: string; readonly gate_id: string | null };

/** What to do now, and when to look again at the latest (epoch ms; null: only when something happens). */
export interface AttentionPlan {
  readonly state: AttentionState;
  readonly steps: readonly AttentionStep[];
  readonly wakeAt: number | null;
}

const MINUTE = 60_000;
const BURST_MS = 30_000;
/** More gates than this within a burst are told of together. */
const BURST_GATES = 3;
/** A burst's summary is brought up to date no more often than this. */
const SUMMARY_SPACING_MS = 2_000;
const MAX_REMINDERS = 3;

/** Look at the gates: what to show and to take off the screen, and what is to be remembered of it. */
export function planAttention(state: AttentionState, facts: AttentionFacts): AttentionPlan {
  const look = startLook(state, facts);
  withdrawResolved(look);
  if (!facts.preferences.enabled) silence(look);
  else if (state.quiet && !look.quiet) greetReturn(look);
  else tell(look);
  return finishLook(look);
}

/** One look under way. Only this file's functions see it change. */
interface Look {
  readonly facts: AttentionFacts;
  readonly told: Map<string, Told>;
  /** Those that still wait, soonest to expire first. */
  readonly pending: readonly WaitingGate[];
  readonly steps: AttentionStep[];
  readonly quiet: boolean;
  readonly quietChangesAt: number | null;
  recent: readonly number[];
  summary: Summary | null;
  summaries: number;
  /** When a summary held back may be shown. */
  heldUntil: number | null;
}

const UNTOLD: Told = {
  asked: false,
  reminders: 0,
  remindedUpTo: 0,
  snoozed: false,
  missed: false,
  onScreen: null,
  notices: 0,
};

function startLook(state: AttentionState, facts: AttentionFacts): Look {
  const { now, gates, preferences, local } = facts;
  const { quiet, changesAt } = quietAt(preferences, now, local);
  return {
    facts,
    told: new Map(state.told),
    pending: gates
      .filter(({ gate }) => gate.state === 'pending' && gate.agent_gone_at === null && gate.expires_at > now)
      .sort((a, b) => a.gate.expires_at - b.gate.expires_at),
    steps: [],
    quiet,
    quietChangesAt: changesAt,
    // A clock set back must not hold a burst open.
    recent: state.recent.filter((at) => at > now - BURST_MS && at <= now),
    summary: state.summary,
    summaries: state.summaries,
    heldUntil: null,
  };
}

function finishLook(look: Look): AttentionPlan {
  const { told, recent, summary, summaries, quiet, steps } = look;
  return { state: { told, recent, summary, summaries, quiet }, steps, wakeAt: nextLook(look) };
}

const toldOf = ({ told }: Look, { gate }: WaitingGate): Told => told.get(gate.gate_id) ?? UNTOLD;
const note = (look: Look, { gate }: WaitingGate, change: Partial<Told>): void =>
  void look.told.set(gate.gate_id, { ...(look.told.get(gate.gate_id) ?? UNTOLD), ...change });

/** Take the notices of gates that no longer wait off the screen; forget gates that are gone. */
function withdrawResolved(look: Look): void {
  const known = new Set(look.facts.gates.map(({ gate }) => gate.gate_id));
  const waiting = new Set(look.pending.map(({ gate }) => gate.gate_id));
  for (const [gateId, told] of look.told) {
    if (!waiting.has(gateId)) withdraw(look, gateId, told);
    if (!known.has(gateId)) look.told.delete(gateId);
  }
  const { summary } = look;
  if (summary !== null && ![...summary.gates].some((gateId) => waiting.has(gateId))) withdrawSummary(look);
}

function withdraw(look: Look, gateId: string, told: Told): void {
  if (told.onScreen === null) return;
  look.steps.push({ kind: 'withdraw', notice_id: told.onScreen, gate_id: gateId });
  look.told.set(gateId, { ...told, onScreen: null });
}

function withdrawAll(look: Look): void {
  for (const [gateId, told] of look.told) withdraw(look, gateId, told);
}

function withdrawSummary(look: Look): void {
  if (look.summary !== null) look.steps.push({ kind: 'withdraw', notice_id: look.summary.noticeId, gate_id: null });
  look.summary = null;
}

/** Notifications are off: nothing is on screen, and what comes up meanwhile is not made up for later. */
function silence(look: Look): void {
  withdrawAll(look);
  withdrawSummary(look);
  const { now } = look.facts;
  for (const waiting of look.pending) note(look, waiting, { asked: true, missed: false, remindedUpTo: now });
}

/** Quiet hours are over: one summary of all that waits, if anything came up in them. */
function greetReturn(look: Look): void {
  const { now } = look.facts;
  const open = look.pending.filter((waiting) => !isSnoozed(waiting, now));
  const fresh = open.filter((waiting) => {
    const told = toldOf(look, waiting);
    return told.missed || wishOf(waiting, told, now) !== null;
  });
  for (const waiting of look.pending) {
    const snoozed = isSnoozed(waiting, now);
    note(look, waiting, { asked: true, missed: false, remindedUpTo: now, snoozed });
  }
  if (fresh.length > 0) showSummary(look, open, false);
}

/** Show what has come up: each gate by itself, or a burst together. */
function tell(look: Look): void {
  const { now } = look.facts;
  const wishes: { readonly waiting: WaitingGate; readonly kind: 'gate' | 'reminder' }[] = [];
  for (const waiting of look.pending) {
    const told = toldOf(look, waiting);
    if (isSnoozed(waiting, now)) {
      withdraw(look, waiting.gate.gate_id, told);
      note(look, waiting, { asked: true, snoozed: true, remindedUpTo: now });
      continue;
    }
    const kind = wishOf(waiting, told, now);
    if (kind !== null) wishes.push({ waiting, kind });
  }
  if (wishes.length === 0) return;
  const recent = [...look.recent, ...wishes.map(() => now)];
  if (recent.length > BURST_GATES) {
    if (!mayShowSummary(look)) return;
    for (const { waiting, kind } of wishes) noteShown(look, waiting, kind);
    look.recent = recent;
    const open = look.pending.filter((waiting) => !isSnoozed(waiting, now));
    const update = look.summary !== null && look.summary.shownAt > now - BURST_MS;
    showSummary(look, open, look.quiet || update);
    return;
  }
  look.recent = recent;
  for (const { waiting, kind } of wishes) {
    noteShown(look, waiting, kind);
    showGate(look, waiting, kind);
  }
}

const isSnoozed = ({ snoozedUntil }: WaitingGate, now: number): boolean => snoozedUntil !== null && snoozedUntil > now;

/** Why to tell of a gate that is not snoozed: it is new or back from a snooze, or it is time to remind. */
function wishOf(waiting: WaitingGate, told: Told, now: number): 'gate' | 'reminder' | null {
  if (!told.asked || told.snoozed) return 'gate';
  const next = nextReminder(waiting, told);
  return next !== null && next <= now ? 'reminder' : null;
}

/** The next time to remind of a gate: at half of its life, and 10 and 2 minutes before it ends; null: not any more. */
function nextReminder({ gate }: WaitingGate, { reminders, remindedUpTo }: Told): number | null {
  if (reminders >= MAX_REMINDERS) return null;
  const { created_at: from, expires_at: to } = gate;
  const marks = [from + (to - from) / 2, to - 10 * MINUTE, to - 2 * MINUTE];
  const ahead = marks.filter((at) => at > remindedUpTo && at > from);
  return ahead.length === 0 ? null : Math.min(...ahead);
}

function noteShown(look: Look, waiting: WaitingGate, kind: 'gate' | 'reminder'): void {
  const { reminders } = toldOf(look, waiting);
  note(look, waiting, {
    asked: true,
    snoozed: false,
    missed: look.quiet,
    remindedUpTo: look.facts.now,
    reminders: kind === 'reminder' ? reminders + 1 : reminders,
  });
}

function showGate(look: Look, waiting: WaitingGate, kind: 'gate' | 'reminder'): void {
  withdraw(look, waiting.gate.gate_id, toldOf(look, waiting));
  const { notices } = toldOf(look, waiting);
  const noticeId = `${waiting.gate.gate_id}:${notices}`;
  look.steps.push({ kind: 'show', notice: renderGateNotice(waiting, noticeId, kind, settingOf(look, look.quiet)) });
  note(look, waiting, { onScreen: noticeId, notices: notices + 1 });
}

function mayShowSummary(look: Look): boolean {
  const free = look.summary === null ? 0 : look.summary.shownAt + SUMMARY_SPACING_MS;
  if (free <= look.facts.now) return true;
  look.heldUntil = free;
  return false;
}

/** One notice in place of all others. */
function showSummary(look: Look, open: readonly WaitingGate[], silent: boolean): void {
  withdrawAll(look);
  withdrawSummary(look);
  const { now } = look.facts;
  const noticeId = `waiting:${look.summaries}:${now}`;
  look.summaries += 1;
  look.steps.push({ kind: 'show', notice: renderSummary(open, noticeId, settingOf(look, silent)) });
  look.summary = { noticeId, shownAt: now, gates: new Set(open.map(({ gate }) => gate.gate_id)) };
}

const settingOf = ({ facts: { now, preferences, kindOfTool, redactor } }: Look, silent: boolean) => ({
  now,
  privacy: preferences.privacy,
  silent,
  kindOfTool,
  redactor,
});

function nextLook(look: Look): number | null {
  const { now, preferences } = look.facts;
  if (!preferences.enabled) return null;
  const times = look.pending.flatMap((waiting) => {
    if (isSnoozed(waiting, now)) return [waiting.snoozedUntil ?? now];
    const reminder = nextReminder(waiting, toldOf(look, waiting));
    return [waiting.gate.expires_at, ...(reminder === null ? [] : [reminder])];
  });
  if (look.quietChangesAt !== null) times.push(look.quietChangesAt);
  if (look.heldUntil !== null) times.push(look.heldUntil);
  const ahead = times.filter((at) => at > now);
  return ahead.length === 0 ? null : Math.min(...ahead);
}
