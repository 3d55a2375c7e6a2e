import { z } from 'zod';
import { BUDGET_SCOPES, BUDGET_WINDOWS, budgetRecord } from '../records.ts';
import { command, none, query, usd } from './shape.ts';

const subject = z.strictObject({ scope: z.enum(BUDGET_SCOPES), name: z.string().min(1) });

/** Caps on runs, agents and teams. */
export const BUDGET_OPERATIONS = {
  'budgets.list': query(none, z.object({ budgets: z.array(budgetRecord) })),
  'budgets.set': command(
    subject.extend({ usd, window: z.enum(BUDGET_WINDOWS).optional() }),
    z.object({ budget: budgetRecord }),
  ),
  'budgets.reset': command(subject, z.object({ budget: budgetRecord })),
} as const;
