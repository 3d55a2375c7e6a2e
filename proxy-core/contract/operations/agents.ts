import { z } from 'zod';
import { agentRecord, DELIVERIES } from '../records.ts';
import { command, name, none, query, usd } from './shape.ts';

const issued = z.object({ agent: agentRecord, token: z.string() });

/** The registered callers. A token is in an answer once, when it is made. */
export const AGENT_OPERATIONS = {
  'agents.list': query(none, z.object({ agents: z.array(agentRecord) })),
  'agents.add': command(
    z.strictObject({
      name,
      policy: z.string().optional(),
      team: name.optional(),
      budget_usd: usd.optional(),
      delivery: z.enum(DELIVERIES).optional(),
    }),
    issued,
  ),
  'agents.rotate': command(z.strictObject({ name }), issued),
  /** Let it start runs again although one of its runs was stopped less than 15 minutes ago. */
  'agents.resume': command(z.strictObject({ name }), z.object({ agent: agentRecord })),
  'agents.revoke': command(z.strictObject({ name }), z.object({ agent: agentRecord })),
} as const;
