import type { Reply } from '../../../proxy-core/contract/client.ts';
import type { Failure } from '../../../proxy-core/contract/failures.ts';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord, GrantScope } from '../../../proxy-core/contract/records.ts';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { showClock } from '../../format/time.ts';
import { call } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';
import { noteDecidedHere, setBusy, useInboxStore } from './inbox-store.ts';

/**
 * What a person does with a gate. A verdict names the card that was on the screen: its gate and the hash of the actions
 * it showed, so that nothing else can be decided (faults E2, E4). Each resolves with whether it was done; if not, the
 * person has been told why.
 */

type Shown = Pick<GateCard['gate'], 'gate_id' | 'action_hash'>;

export const approve = (shown: Shown, remember: GrantScope | null = null): Promise<boolean> =>
  decide(shown, 'Not approved', () =>
    call('gates.approve', {
      gate_id: shown.gate_id,
      action_hash: shown.action_hash,
      ...(remember === null ? {} : { remember }),
    }),
  );

/** `suggestedArgs` undefined: none. */
export const reject = (shown: Shown, reason: string, suggestedArgs?: unknown): Promise<boolean> =>
  decide(shown, 'Not rejected', () =>
    call('gates.reject', {
      gate_id: shown.gate_id,
      action_hash: shown.action_hash,
      ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
      ...(suggestedArgs === undefined ? {} : { suggested_args: suggestedArgs }),
    }),
  );

async function decide(shown: Shown, failed: string, send: () => Promise<Reply<unknown>>): Promise<boolean> {
  const done = await once(shown.gate_id, failed, send);
  if (done) noteDecidedHere(shown.gate_id);
  return done;
}

export const undo = (gateId: string): Promise<boolean> =>
  once(gateId, 'Not undone', () => call('gates.undo', { gate_id: gateId }));

/** Withdraw an approval that its agent has not come for yet. */
export async function revoke(gateId: string): Promise<boolean> {
  const done = await once(gateId, 'Not revoked', () => call('gates.revoke', { gate_id: gateId }));
  if (!done) return false;
  noteDecidedHere(gateId);
  toast('Approval revoked. The agent’s next request opens a new gate.');
  return true;
}

const EXTENSION_SECONDS = 15 * 60;

export async function extend(gateId: string): Promise<boolean> {
  let until: number | null = null;
  const done = await once(gateId, 'Not extended', async () => {
    const reply = await call('gates.extend', { gate_id: gateId, seconds: EXTENSION_SECONDS });
    if (reply.ok) until = reply.value.gate.expires_at;
    return reply;
  });
  if (until !== null) toast(`Expires ${showClock(until)} now`);
  return done;
}

/** Hide a gate for a while; 0 seconds brings it back. */
export async function snooze(gateId: string, seconds: number): Promise<boolean> {
  let until: number | null = null;
  const done = await once(gateId, 'Not snoozed', async () => {
    const reply = await call('gates.snooze', { gate_id: gateId, seconds });
    if (reply.ok) until = reply.value.until;
    return reply;
  });
  if (done && seconds > 0) {
    toast(until === null ? 'Not snoozed: it expires too soon' : `Snoozed until ${showClock(until)}`);
    return until !== null;
  }
  return done;
}

/** Remember an approval that was given before. */
export const addGrant = (gateId: string, scope: GrantScope): Promise<boolean> =>
  once(gateId, 'Not remembered', () => call('grants.add', { gate_id: gateId, scope }));

export const revokeGrant = (grantId: string): Promise<boolean> =>
  once(grantId, 'Not revoked', () => call('grants.revoke', { grant_id: grantId }));

/** One command at a time for each subject: a double click has no second effect. */
async function once(subject: string, failed: string, send: () => Promise<Reply<unknown>>): Promise<boolean> {
  if (useInboxStore.getState().busy.has(subject)) return false;
  setBusy(subject, true);
  try {
    const reply = await send();
    if (!reply.ok) toast(`${failed}: ${explain(reply.failure)}`, 'failed');
    return reply.ok;
  } finally {
    setBusy(subject, false);
  }
}

/** A failure with what to do about it. */
export function explain({ message, context }: Failure): string {
  const recover = context['recover'];
  return visible(typeof recover === 'string' ? `${message} ${recover}` : message);
}

/** Gates whose verdict can still be taken back at `now`, the latest first. */
export const undoable = (gates: Iterable<GateRecord>, now: number): readonly GateRecord[] =>
  [...gates]
    .filter(
      ({ state, effective_at, released_at }) =>
        (state === 'approved' || state === 'rejected') && released_at === null && now < (effective_at ?? 0),
    )
    .toSorted((a, b) => (b.decided_at ?? 0) - (a.decided_at ?? 0));
