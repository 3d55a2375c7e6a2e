import type { GateRecord } from '../contract/records.ts';
import type { Announced } from './subject.ts';

/** SHA-256 of a text's UTF-8 bytes, lower-case hex. */
export type Sha256 = (text: string) => string;

/**
 * An agent that keeps running into the same rule causes the same event at every call. People are told once per this
 * time (ms), so that such an agent cannot flood receivers or the outbox.
 */
const REPEAT_MS = 60_000;

/**
 * The id of an event, the same however often and by whichever process it is announced: receivers and the outbox know a
 * repetition by it. `evt_` and 32 hex digits; no dots, which separate the parts of what a webhook signs.
 */
export const eventIdOf = (event: Announced, sha256: Sha256): string =>
  `evt_${sha256(JSON.stringify([event.name, ...identityOf(event)])).slice(0, 32)}`;

/** What makes this event another one than the last of its name. */
function identityOf(event: Announced): readonly unknown[] {
  const minute = Math.floor(event.at / REPEAT_MS);
  switch (event.name) {
    case 'run.started':
    case 'run.completed':
      return [event.body.run_id, event.body.agent];
    case 'run.blocked':
      return [event.body.run_id, event.body.reason, minute];
    case 'approval.pending':
      return askedOf(event.body.gate);
    case 'approval.approved':
    case 'approval.rejected':
      // A verdict that was taken back and given again is another one.
      return [event.body.gate.gate_id, event.body.gate.decided_at];
    case 'approval.expired':
      return [event.body.gate.gate_id];
    case 'budget.alert': {
      const { scope, subject, threshold, cap_nano, spent_nano } = event.body;
      return [scope, subject, threshold, cap_nano, spent_nano];
    }
    case 'budget.exceeded': {
      // The crossing step tells one crossing from the next: it is another after a raise or a reset.
      const { run_id, scope, name, cap_nano, step_that_crossed } = event.body;
      return [run_id, scope, name, cap_nano, step_that_crossed];
    }
    case 'policy.drift':
      return [event.body.run_id, event.body.kind, event.body.value];
    case 'policy.blocked': {
      const { run_id, policy, rule, subject } = event.body;
      return [run_id, policy, rule, subject, minute];
    }
    case 'loop.detected':
      return [event.body.run_id, event.body.kind, event.body.action, minute];
  }
}

/** A gate asks once; if a crash left its call's outcome unknown, it asks again until another instant. */
const askedOf = (gate: GateRecord): readonly unknown[] =>
  gate.outcome_unknown ? [gate.gate_id, gate.expires_at] : [gate.gate_id];
