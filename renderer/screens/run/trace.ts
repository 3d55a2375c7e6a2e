import { readBlock } from '../../../proxy-core/contract/block.ts';
import type { ArtifactRecord, ExchangeRecord, GateRecord, StepRecord } from '../../../proxy-core/contract/records.ts';

/** A run's steps as a tree: what belongs to a call stands under it, resends under what they repeat, subagents apart. */

/** What a run consists of, as the core tells it. */
export interface RunFacts {
  readonly steps: readonly StepRecord[];
  readonly exchanges: readonly ExchangeRecord[];
  readonly gates: readonly GateRecord[];
  readonly artifacts: readonly ArtifactRecord[];
}

export const TRACE_KINDS = ['model', 'tool', 'gate', 'alert', 'refusal', 'retry', 'artifact'] as const;
/** What rows can be filtered by. */
export type TraceKind = (typeof TRACE_KINDS)[number];

/** One row of the tree. Instants are epoch ms; `end: null` means that it still goes on. */
export interface TraceNode {
  /** Stable over time: the step's number, or what the group stands for. */
  readonly key: string;
  readonly kind: TraceKind | 'subagent' | 'retries';
  /** Null for a group. */
  readonly step: StepRecord | null;
  readonly label: string;
  readonly start: number;
  readonly end: number | null;
  /** The call that this row is. */
  readonly exchange: ExchangeRecord | null;
  readonly gate: GateRecord | null;
  /** The answer of a tool call, or null while none was seen. */
  readonly result: StepRecord | null;
  readonly children: readonly TraceNode[];
}

interface Draft {
  readonly node: TraceNode;
  readonly children: Draft[];
}

/** The tree of a run. */
export function buildTrace(facts: RunFacts): readonly TraceNode[] {
  const calls = new Map(facts.exchanges.map((exchange) => [exchange.exchange_id, exchange]));
  const gates = new Map(facts.gates.map((gate) => [gate.gate_id, gate]));
  const results = pairResults(facts.steps);
  const drafts = new Map<string, Draft>();
  const roots: Draft[] = [];
  let latest: Draft | null = null;
  for (const step of facts.steps) {
    if (step.kind === 'tool_result' && results.paired.has(step.step)) continue;
    const owned = ownCall(step, calls);
    const draft = { node: nodeOf(step, owned, gates, results.byStep), children: [] };
    if (owned !== null) drafts.set(owned.exchange_id, draft);
    const place = placeOf(step, owned, calls, drafts, roots);
    // An alert that names no call was caused by the latest one.
    if (step.kind === 'alert' && place === roots) (latest?.children ?? roots).push(draft);
    else place.push(draft);
    if (owned !== null) latest = draft;
  }
  return gatherSubagents(roots.map(finish));
}

/** The call whose own step this is; steps that a call has led to name it too. */
function ownCall(step: StepRecord, calls: ReadonlyMap<string, ExchangeRecord>): ExchangeRecord | null {
  const call = step.exchange_id === null ? undefined : calls.get(step.exchange_id);
  return call?.step === step.step ? call : null;
}

function placeOf(
  step: StepRecord,
  owned: ExchangeRecord | null,
  calls: ReadonlyMap<string, ExchangeRecord>,
  drafts: ReadonlyMap<string, Draft>,
  roots: Draft[],
): Draft[] {
  const parent = owned === null ? (step.kind === 'tool_result' ? null : step.exchange_id) : firstOf(owned, calls);
  const place = parent === null || parent === owned?.exchange_id ? undefined : drafts.get(parent);
  return place?.children ?? roots;
}

/** The first call of a chain of resends; a chain that leads to itself ends where it closes. */
function firstOf(call: ExchangeRecord, calls: ReadonlyMap<string, ExchangeRecord>): string {
  const seen = new Set<string>();
  let at = call;
  while (at.retry_of !== null && !seen.has(at.exchange_id)) {
    seen.add(at.exchange_id);
    const before = calls.get(at.retry_of);
    if (before === undefined) break;
    at = before;
  }
  return at.exchange_id;
}

interface Results {
  /** The answer of each tool call, by the call's step. */
  readonly byStep: ReadonlyMap<number, StepRecord>;
  /** Steps of results that stand on the row of their call. */
  readonly paired: ReadonlySet<number>;
}

/** Results beside their calls: by the step they name, else by the call's id. */
function pairResults(steps: readonly StepRecord[]): Results {
  const calls = steps.filter(({ kind }) => kind === 'tool_call');
  const byId = new Map(calls.map(({ step, detail }) => [textOf(detail, 'call_id'), step]));
  const known = new Set(calls.map(({ step }) => step));
  const byStep = new Map<number, StepRecord>();
  const paired = new Set<number>();
  for (const result of steps) {
    if (result.kind !== 'tool_result') continue;
    const named = result.detail['proposed_step'];
    const callId = textOf(result.detail, 'call_id');
    const call = typeof named === 'number' ? named : callId === null ? undefined : byId.get(callId);
    if (call === undefined || !known.has(call) || byStep.has(call)) continue;
    byStep.set(call, result);
    paired.add(result.step);
  }
  return { byStep, paired };
}

function nodeOf(
  step: StepRecord,
  exchange: ExchangeRecord | null,
  gates: ReadonlyMap<string, GateRecord>,
  byStep: ReadonlyMap<number, StepRecord>,
): TraceNode {
  const gate = step.kind === 'gate' ? (gates.get(textOf(step.detail, 'gate_id') ?? '') ?? null) : null;
  const result = byStep.get(step.step) ?? null;
  const [start, end] = spanOf(step, exchange, gate, result);
  const refused = readBlock(step)?.rule ?? step.summary;
  const label = step.kind === 'refusal' ? refused : (exchange?.model ?? step.summary);
  return { key: String(step.step), kind: kindOf(step), step, label, start, end, exchange, gate, result, children: [] };
}

function spanOf(
  step: StepRecord,
  exchange: ExchangeRecord | null,
  gate: GateRecord | null,
  result: StepRecord | null,
): readonly [number, number | null] {
  if (exchange !== null) return [exchange.started_at, exchange.ended_at];
  if (gate !== null) return [gate.created_at, gate.decided_at];
  if (result !== null) return [step.at, result.at];
  return [step.at, step.at];
}

function kindOf({ kind }: StepRecord): TraceKind {
  switch (kind) {
    case 'model_call':
    case 'opaque_call':
      return 'model';
    case 'tool_call':
    case 'tool_result':
      return 'tool';
    case 'gate':
    case 'alert':
    case 'refusal':
    case 'retry':
    case 'artifact':
      return kind;
  }
}

/** From two resends on, they stand in a group of their own. */
function finish({ node, children }: Draft): TraceNode {
  const done = children.map(finish);
  const retries = done.filter(({ exchange }) => exchange !== null && exchange.retry_of !== null);
  if (retries.length < 2) return { ...node, children: done };
  const group = groupOf(`${node.key}:retries`, 'retries', `retried ×${retries.length}`, retries);
  return { ...node, children: [...done.filter((child) => !retries.includes(child)), group] };
}

function gatherSubagents(roots: readonly TraceNode[]): readonly TraceNode[] {
  const bySubagent = new Map<string, TraceNode[]>();
  for (const root of roots) {
    const name = root.exchange?.subagent ?? null;
    if (name !== null) bySubagent.set(name, [...(bySubagent.get(name) ?? []), root]);
  }
  if (bySubagent.size === 0) return roots;
  const placed = new Set<string>();
  return roots.flatMap((root) => {
    const name = root.exchange?.subagent ?? null;
    if (name === null) return [root];
    if (placed.has(name)) return [];
    placed.add(name);
    return [groupOf(`subagent:${name}`, 'subagent', name, bySubagent.get(name) ?? [])];
  });
}

function groupOf(key: string, kind: 'subagent' | 'retries', label: string, children: readonly TraceNode[]): TraceNode {
  const start = Math.min(...children.map((child) => child.start));
  const ends = children.map(({ end }) => end);
  const end = ends.includes(null) ? null : Math.max(...ends.map((each) => each ?? 0));
  return { key, kind, step: null, label, start, end, exchange: null, gate: null, result: null, children };
}

/** What the calls in a part of the tree have cost, nano-USD. */
export const costWithin = ({ exchange, children }: TraceNode): number =>
  children.reduce((sum, child) => sum + costWithin(child), exchange?.cost_nano ?? 0);

/** One line of the drawn tree. */
export interface TraceRow {
  readonly node: TraceNode;
  readonly depth: number;
  readonly expanded: boolean | null;
}

/** The rows in view: under closed nodes nothing, of other kinds only what leads to a kind that is wanted. */
export function flattenTrace(
  nodes: readonly TraceNode[],
  view: { readonly closed: ReadonlySet<string>; readonly kinds: ReadonlySet<TraceKind> },
): readonly TraceRow[] {
  const rows: TraceRow[] = [];
  const add = (node: TraceNode, depth: number): void => {
    if (!leadsToWanted(node, view.kinds)) return;
    const expanded = node.children.length === 0 ? null : !view.closed.has(node.key);
    rows.push({ node, depth, expanded });
    if (expanded === true) for (const child of node.children) add(child, depth + 1);
  };
  for (const node of nodes) add(node, 0);
  return rows;
}

const leadsToWanted = (node: TraceNode, kinds: ReadonlySet<TraceKind>): boolean =>
  kinds.size === 0 || kinds.has(node.kind as TraceKind) || node.children.some((child) => leadsToWanted(child, kinds));

/** How many steps there are of each kind. */
export function countKinds(steps: readonly StepRecord[]): ReadonlyMap<TraceKind, number> {
  const counts = new Map<TraceKind, number>();
  for (const step of steps) {
    if (step.kind === 'tool_result') continue;
    const kind = kindOf(step);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** A text of a step's detail, or null. */
export function textOf(detail: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = detail[name];
  return typeof value === 'string' ? value : null;
}
