import { z } from 'zod';
import { BLOCK_STAGES } from './block.ts';
import { noticeRecord, preferences } from './host.ts';
import { gateRecord } from './records.ts';

/**
 * What the core announces. `seq` grows by one per event of this process, so a listener that missed some
 * knows it; the names are those that webhooks carry (behaviour §6), plus `*.changed` for the console.
 */
export const EVENTS = {
  'run.started': z.object({ run_id: z.string(), agent: z.string(), policy: z.string(), client: z.string().nullable() }),
  'run.changed': z.object({ run_id: z.string() }),
  'run.completed': z.object({ run_id: z.string(), agent: z.string(), spent_nano: z.int() }),
  'run.blocked': z.object({ run_id: z.string(), agent: z.string(), reason: z.string() }),
  'budget.alert': z.object({
    scope: z.string(),
    subject: z.string(),
    threshold: z.number(),
    spent_nano: z.int(),
    cap_nano: z.int(),
    run_id: z.string(),
  }),
  'budget.exceeded': z.object({
    run_id: z.string(),
    scope: z.string(),
    name: z.string(),
    cap_nano: z.int(),
    spent_nano: z.int(),
    step_that_crossed: z.int(),
  }),
  'approval.pending': z.object({ gate: gateRecord }),
  'approval.approved': z.object({ gate: gateRecord }),
  'approval.rejected': z.object({ gate: gateRecord }),
  'approval.expired': z.object({ gate: gateRecord }),
  'approval.cancelled': z.object({ gate: gateRecord }),
  /** A verdict was taken back, an expiry extended, an approved answer released, an agent asked again (told once a second). */
  'approval.changed': z.object({ gate: gateRecord }),
  'policy.blocked': z.object({
    run_id: z.string(),
    agent: z.string(),
    policy: z.string(),
    rule: z.string(),
    /** The tool, or the endpoint of a request. */
    subject: z.string(),
    stage: z.enum(BLOCK_STAGES),
    message: z.string().nullable(),
    /** The clauses that made the rule count, with the values seen. */
    matched: z.array(z.string()),
    exchange_id: z.string(),
    /** What the agent was given instead, in words. */
    sent: z.string(),
  }),
  'policy.drift': z.object({ run_id: z.string(), agent: z.string(), kind: z.string(), value: z.string() }),
  'policy.alert': z.object({
    run_id: z.string(),
    agent: z.string(),
    policy: z.string(),
    rule: z.string(),
    subject: z.string(),
  }),
  'loop.detected': z.object({
    run_id: z.string(),
    agent: z.string(),
    kind: z.string(),
    count: z.int(),
    action: z.string(),
  }),
  /** Hidden until then, or back (null). */
  'approval.snoozed': z.object({ gate_id: z.string(), until: z.int().nullable() }),
  /** Whoever can show notices does; `withdrawn` takes it off the screen again. */
  'notice.shown': z.object({ notice: noticeRecord }),
  'notice.withdrawn': z.object({ notice_id: z.string(), gate_id: z.string().nullable() }),
  /** It could not be shown natively: the console shows it as a banner. */
  'notice.failed': z.object({ notice: noticeRecord, detail: z.string() }),
  'preferences.changed': z.object({ preferences }),
  'keys.changed': z.object({}),
  'export.progress': z.object({ export_id: z.string(), done: z.int(), of: z.int() }),
  'telemetry.changed': z.object({}),
  'retention.changed': z.object({}),
  'grants.changed': z.object({}),
  'policies.changed': z.object({}),
  'agents.changed': z.object({}),
  'budgets.changed': z.object({}),
  'core.paused': z.object({ paused: z.boolean() }),
} as const satisfies Record<string, z.ZodType>;

export type EventName = keyof typeof EVENTS;
export type EventBody<N extends EventName> = z.output<(typeof EVENTS)[N]>;

/** One announced event. */
export interface PublishedEvent<N extends EventName = EventName> {
  readonly seq: number;
  readonly at: number;
  readonly name: N;
  readonly body: EventBody<N>;
}

/** The events that people can be told of (behaviour §6), each with its webhook payload. */
export const NOTICE_EVENTS = [
  'run.started',
  'run.completed',
  'run.blocked',
  'approval.pending',
  'approval.approved',
  'approval.rejected',
  'approval.expired',
  'budget.alert',
  'budget.exceeded',
  'policy.drift',
  'policy.blocked',
  'loop.detected',
] as const satisfies readonly EventName[];
