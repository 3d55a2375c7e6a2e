import type { DeclaredTool } from '../wire/format.ts';
import type { CompiledPolicy } from './compile.ts';
import type { RequestSubject } from './facts.ts';
import { matchesAny } from './glob.ts';
import { type OwnPlaces, USUAL_PLACES } from './own-places.ts';
import { isDeclared } from './tool-names.ts';
import type { TypedLines } from './typed-input.ts';

/** What is known around a call that says how it is to be read. */
export interface CallContext {
  readonly declared: readonly DeclaredTool[];
  /** Whether a tool of this name exists: the request declares it, the run has used it, or the policy names it. */
  readonly isKnownTool: (name: string) => boolean;
  readonly typed: TypedLines;
  /** The client that calls, as `runs/clients.ts` names it. */
  readonly client: string | null;
  readonly own: OwnPlaces;
}

/** Nothing was typed. */
export const NOTHING_TYPED: TypedLines = { before: () => null };

/** A call of which only its own text is known. */
export const NO_CONTEXT: CallContext = {
  declared: [],
  isKnownTool: () => false,
  typed: NOTHING_TYPED,
  client: null,
  own: USUAL_PLACES,
};

/** The context of the calls in the answer to a request. */
export function contextOf(policy: CompiledPolicy, request: RequestSubject): CallContext {
  const { declared, usedTools, typed, client, own } = request;
  return {
    declared,
    typed,
    client,
    own,
    isKnownTool: (name) => isDeclared(declared, { name }) || usedTools.has(name) || namesTool(policy, name),
  };
}

/** Whether a policy names this tool, in a rule or in one of its lists. `*` names none. */
function namesTool(policy: CompiledPolicy, name: string): boolean {
  if (policy.toolCall.byTool.has(name)) return true;
  const { allow, block } = policy.definition.tools ?? {};
  return matchesAny(
    [...(allow ?? []), ...(block ?? [])].filter((glob) => glob !== '*'),
    name,
  );
}
