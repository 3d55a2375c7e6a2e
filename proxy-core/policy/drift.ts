import { ownText } from '../contract/own-text.ts';
import type { ToolCall } from '../wire/format.ts';
import { type CallContext, NO_CONTEXT } from './call-context.ts';
import { type CallSubject, isScriptTool, readCall } from './calls.ts';
import type { Decision } from './decision.ts';
import { textOf } from './facts.ts';
import { DRIFT_KINDS, type DriftKind, type PolicyDefinition } from './schema.ts';
import { kindOfTool } from './tool-kinds.ts';
import { qualifiedName } from './tool-names.ts';

/** An agent that leaves its habits. */
export interface DriftFinding {
  readonly kind: DriftKind;
  /** The tool, model or host; escape it before it is shown. */
  readonly value: string;
  /** Never seen of this agent before, or refused because a list of the policy does not have it. */
  readonly why: 'first_seen' | 'outside_allowlist';
}

/** What one exchange shows of an agent. */
export interface DriftObservation {
  readonly tools?: readonly string[];
  readonly models?: readonly string[];
  readonly hosts?: readonly string[];
}

/** What has been seen of an agent, for the store. */
export interface DriftRecord {
  readonly agentId: string;
  readonly kind: DriftKind;
  readonly value: string;
}

/** First-seen tools, models and hosts per agent (behaviour §4 `drift`). */
export interface DriftTracker {
  /**
   * Remember what an exchange shows; returns what is new and to be alerted. The first tools, models or hosts of an agent are what it
   * is compared with later and alert nothing.
   */
  observe(agentId: string, observation: DriftObservation, alertOn: readonly DriftKind[]): readonly DriftFinding[];
  /** Forget an agent. */
  forget(agentId: string): void;
}

const VALUE_LIMIT = 1_000;
const LENGTH_LIMIT = 256;

/** A tracker that starts from what was seen earlier; at most 1,000 values of a kind are kept per agent. */
export function createDriftTracker(seenBefore: Iterable<DriftRecord>): DriftTracker {
  const agents = new Map<string, Map<DriftKind, Set<string>>>();
  const habits = (agentId: string, kind: DriftKind): Set<string> => {
    const kinds = agents.get(agentId) ?? new Map<DriftKind, Set<string>>();
    const values = kinds.get(kind) ?? new Set<string>();
    agents.set(agentId, kinds.set(kind, values));
    return values;
  };
  for (const record of seenBefore) remember(habits(record.agentId, record.kind), record.value);
  return {
    observe: (agentId, observation, alertOn) =>
      DRIFT_KINDS.flatMap((kind) => {
        const known = habits(agentId, kind);
        const isFirst = known.size === 0;
        const fresh = [...new Set(observedOf(observation, kind))].filter((value) => remember(known, value));
        if (isFirst || !alertOn.includes(kind)) return [];
        return fresh.map((value) => ({ kind, value, why: 'first_seen' as const }));
      }),
    forget: (agentId) => {
      agents.delete(agentId);
    },
  };
}

/** The kinds that a policy alerts on; all of them unless it says otherwise. */
export const driftKinds = (definition: PolicyDefinition): readonly DriftKind[] =>
  definition.drift?.alert_on ?? DRIFT_KINDS;

/** The attempt behind a refusal by `models` or `tools`, as drift; null for any other decision. */
export function driftOf(decision: Decision): DriftFinding | null {
  const value = decision.explanation[0]?.seen ?? null;
  if (value === null) return null;
  if (decision.rule?.source === 'models') return { kind: 'model', value, why: 'outside_allowlist' };
  return decision.rule?.source === 'tools' ? { kind: 'tool', value, why: 'outside_allowlist' } : null;
}

/** The hosts that a call addresses, or certainly makes another address, in lower case. */
export function hostsOf(call: ToolCall, context: CallContext = NO_CONTEXT): readonly string[] {
  const urls = certain(call, context)
    .filter(({ tool }) => kindOfTool(textOf(tool) ?? '') === 'http')
    .flatMap((subject) => subject.actions().flat())
    .flatMap((reading) => textOf(reading.url) ?? []);
  return [...new Set(urls.flatMap((url) => hostOf(url) ?? []))];
}

/** The tools that a call certainly uses: its own by its declared name, and those it carries. */
export function toolsOf(call: ToolCall, context: CallContext): readonly string[] {
  if (isScriptTool(call)) return [call.name];
  const named = certain(call, context).flatMap(({ tool }) => textOf(tool) ?? []);
  const own = qualifiedName(call);
  return named.length === 0 ? [call.name] : [...new Set(named.map((name) => (name === own ? call.name : name)))];
}

const certain = (call: ToolCall, context: CallContext): readonly CallSubject[] =>
  readCall(call, context).filter(({ counts }) => counts === 'fully');

function hostOf(url: string): string | null {
  const found = /^\s*(?:[a-z][a-z\d+.-]*:)?\/\/(?:[^/?#]*@)?(\[[^\]]*\]|[^:/?#\s]+)/i.exec(url);
  return found?.[1]?.toLowerCase() ?? null;
}

function observedOf(observation: DriftObservation, kind: DriftKind): readonly string[] {
  switch (kind) {
    case 'tool':
      return observation.tools ?? [];
    case 'model':
      return observation.models ?? [];
    case 'host':
      return observation.hosts ?? [];
  }
}

/** Whether the value was new. */
function remember(known: Set<string>, value: string): boolean {
  const name = ownText(value, LENGTH_LIMIT);
  if (known.has(name)) return false;
  known.add(name);
  const [oldest] = known;
  if (known.size > VALUE_LIMIT && oldest !== undefined) known.delete(oldest);
  return true;
}
