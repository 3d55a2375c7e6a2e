import type { z } from 'zod';
import { AGENT_OPERATIONS } from './operations/agents.ts';
import { AUDIT_OPERATIONS } from './operations/audit.ts';
import { BUDGET_OPERATIONS } from './operations/budgets.ts';
import { CHANNEL_OPERATIONS } from './operations/channels.ts';
import { CORE_OPERATIONS } from './operations/core.ts';
import { EXPORT_OPERATIONS } from './operations/exports.ts';
import { GATE_OPERATIONS } from './operations/gates.ts';
import { POLICY_OPERATIONS } from './operations/policies.ts';
import { RUN_OPERATIONS } from './operations/runs.ts';
import type { Operation } from './operations/shape.ts';
import { TELEMETRY_OPERATIONS } from './operations/telemetry.ts';

/**
 * The single table of what an operator can ask of the core; one file per subject under `operations/`. Handlers, the
 * IPC binding, the command socket, the operator port's routes and the typed client are all derived from it.
 */
export const OPERATIONS = {
  ...CORE_OPERATIONS,
  ...AGENT_OPERATIONS,
  ...BUDGET_OPERATIONS,
  ...RUN_OPERATIONS,
  ...POLICY_OPERATIONS,
  ...GATE_OPERATIONS,
  ...CHANNEL_OPERATIONS,
  ...EXPORT_OPERATIONS,
  ...AUDIT_OPERATIONS,
  ...TELEMETRY_OPERATIONS,
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
export type OperationInput<N extends OperationName> = z.input<(typeof OPERATIONS)[N]['input']>;
export type OperationOutput<N extends OperationName> = z.output<(typeof OPERATIONS)[N]['output']>;
