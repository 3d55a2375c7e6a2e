import type { NoticeRecord } from '../contract/host.ts';
import { type NanoUsd, showUsd } from '../contract/money.ts';
import type { GateRecord } from '../contract/records.ts';
import type { Redactor } from '../redaction/redactor.ts';
import { type KindOfTool, renderDesktopNotice } from './desktop-notice.ts';

/** What notices say (console §2.3). Every text is plain, one that a model wrote escaped and masked. */

/** A pending gate with what its notice needs to know besides. */
export interface WaitingGate {
  readonly gate: GateRecord;
  readonly risk: NonNullable<NoticeRecord['risk']>;
  /** What its run has cost so far. */
  readonly spent: NanoUsd;
  /** Hidden until then, epoch ms. */
  readonly snoozedUntil: number | null;
}

interface Setting {
  readonly now: number;
  readonly privacy: boolean;
  readonly silent: boolean;
  readonly kindOfTool: KindOfTool;
  readonly redactor: Redactor;
}

/** The notice of one gate. Without the whole action on it, there is nothing to approve by it: `action_hash` is null. */
export function renderGateNotice(
  { gate, risk, spent }: WaitingGate,
  noticeId: string,
  kind: 'gate' | 'reminder',
  { now, privacy, silent, kindOfTool, redactor }: Setting,
): NoticeRecord {
  const common = { notice_id: noticeId, kind, gate_id: gate.gate_id, silent };
  const { agent, title, body, rule, whole } = renderDesktopNotice(gate, kindOfTool, redactor);
  if (privacy) {
    const text = { title: `${agent} is waiting for approval`, body: 'Open Rungate to review it.' };
    return { ...common, ...text, action_hash: null, risk: null };
  }
  const facts = [`rule ${rule}`, `${showUsd(spent)} so far`, `expires in ${renderLeft(gate.expires_at - now)}`];
  return {
    ...common,
    title,
    body: `${body === '' ? '' : `${body}\n`}${facts.join(' · ')}`,
    action_hash: whole ? gate.action_hash : null,
    risk,
  };
}

const NAMED_AGENTS = 3;

/** One notice for all that wait: at least one gate. */
export function renderSummary(
  waiting: readonly WaitingGate[],
  noticeId: string,
  { now, privacy, silent, kindOfTool, redactor }: Setting,
): NoticeRecord {
  const agents = [...new Set(waiting.map(({ gate }) => renderDesktopNotice(gate, kindOfTool, redactor).agent))];
  const others = agents.length - NAMED_AGENTS;
  const named = `${agents.slice(0, NAMED_AGENTS).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
  const first = Math.min(...waiting.map(({ gate }) => gate.expires_at));
  const expiry = privacy ? '' : ` · ${waiting.length === 1 ? '' : 'the first '}expires in ${renderLeft(first - now)}`;
  const only = waiting.length === 1 ? waiting[0] : undefined;
  return {
    notice_id: noticeId,
    kind: 'summary',
    gate_id: only?.gate.gate_id ?? null,
    action_hash: null,
    title: waiting.length === 1 ? '1 gate waiting' : `${waiting.length} gates waiting`,
    body: `${named}${expiry}`,
    risk: null,
    silent,
  };
}

/** What "Send test" shows: it belongs to no gate. */
export const renderTestNotice = (noticeId: string): NoticeRecord => ({
  notice_id: noticeId,
  kind: 'test',
  gate_id: null,
  action_hash: null,
  title: 'Rungate',
  body: 'Notifications work.',
  risk: null,
  silent: false,
});

const MINUTE = 60_000;

/** Time left for people: "45 s", "58 min", "3 h". */
function renderLeft(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.round(ms / 1000))} s`;
  if (ms < 120 * MINUTE) return `${Math.round(ms / MINUTE)} min`;
  return `${Math.round(ms / (60 * MINUTE))} h`;
}
