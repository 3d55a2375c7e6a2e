import { type Failure, failure } from '../contract/failures.ts';
import type { OperationName } from '../contract/operations.ts';

/**
 * What only a deciding person should do. Threat: an agent with a shell can run `rungate approve` as the same user,
 * and the command socket cannot tell the two apart. So decisions over it are a permission of their own
 * (`cli_decisions`): off in the desktop app, where a window asks the person.
 */
const DECISIONS: ReadonlySet<OperationName> = new Set<OperationName>([
  'gates.approve',
  'gates.reject',
  'gates.undo',
  'gates.revoke',
  'gates.extend',
  'gates.snooze',
  'gates.reviewing',
  'grants.add',
  'grants.revoke',
  'budgets.set',
  'budgets.reset',
  'policies.apply',
  'console.launch',
  'agents.resume',
  'core.resume',
  'runs.resume',
  'keys.set',
  'keys.remove',
  'retention.purge',
]);

/** The refusal of an operation that decides over a channel that may not; null when it may go on. */
export function refuseDecision(name: OperationName, channel: string, cliDecisions: boolean): Failure | null {
  if (channel !== 'cli' || cliDecisions || !DECISIONS.has(name)) return null;
  return failure('decision_not_allowed', 'Decisions from the command line are turned off for this core.', {
    operation: name,
    recover: 'Decide in the app or its console, or set cli_decisions: true in the configuration file.',
  });
}
