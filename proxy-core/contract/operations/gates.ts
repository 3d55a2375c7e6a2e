import { z } from 'zod';
import { gateCard } from '../gate-card.ts';
import { GATE_STATES, GRANT_SCOPES, gateRecord, grantRecord } from '../records.ts';
import { command, cursor, none, pageLimit, query } from './shape.ts';

const gateId = z.strictObject({ gate_id: z.string().max(64) });
const decided = z.object({ gate: gateRecord });

/** Approval gates and the grants that remember approvals. */
export const GATE_OPERATIONS = {
  'gates.list': query(
    z.strictObject({
      /** Newest first by when they were opened; without it gates in every state. */
      states: z.array(z.enum(GATE_STATES)).min(1).max(GATE_STATES.length).optional(),
      run_id: z.string().optional(),
      /** Part of the rule's or the agent's name. */
      find: z.string().min(1).max(100).optional(),
      cursor: cursor.optional(),
      limit: pageLimit.optional(),
    }),
    z.object({ gates: z.array(gateRecord), next: z.string().nullable() }),
  ),
  'gates.show': query(gateId, decided),
  /** All that a reviewer needs on one page. */
  'gates.card': query(gateId, z.object({ card: gateCard })),
  'gates.approve': command(
    gateId.extend({
      reason: z.string().max(2000).optional(),
      action_hash: z.string().optional(),
      remember: z.enum(GRANT_SCOPES).optional(),
      for_seconds: z.int().min(1).max(86_400).optional(),
    }),
    z.object({ gate: gateRecord, grant: grantRecord.nullable() }),
  ),
  'gates.reject': command(
    gateId.extend({
      reason: z.string().max(2000).optional(),
      action_hash: z.string().optional(),
      suggested_args: z.unknown().optional(),
    }),
    decided,
  ),
  'gates.undo': command(gateId, decided),
  /** Withdraw an approval that its agent has not been given yet: the gate is cancelled, and the agent's next request asks anew. */
  'gates.revoke': command(gateId.extend({ reason: z.string().max(2000).optional() }), decided),
  'gates.extend': command(gateId.extend({ seconds: z.int().min(1).max(86_400) }), decided),
  /** Hide a pending gate and its reminders; never past two minutes before it expires. `seconds: 0` brings it back. */
  'gates.snooze': command(
    gateId.extend({ seconds: z.int().min(0).max(3600) }),
    z.object({ gate: gateRecord, until: z.int().nullable() }),
  ),
  /** A person is reading a gate in its last minute: it is extended once by five minutes, if the preferences say so. */
  'gates.reviewing': command(gateId, decided),

  /** Remember an approval that was given before: the same offers as with the approval itself. */
  'grants.add': command(
    gateId.extend({ scope: z.enum(GRANT_SCOPES), for_seconds: z.int().min(1).max(86_400).optional() }),
    z.object({ grant: grantRecord }),
  ),
  'grants.list': query(none, z.object({ grants: z.array(grantRecord) })),
  'grants.revoke': command(z.strictObject({ grant_id: z.string() }), z.object({ grant: grantRecord })),
} as const;
