import { type HandedArgument, promptArguments } from '../runs/prompt-call.ts';
import type { StoreReader } from '../store/store.ts';
import type { ToolCall } from '../wire/format.ts';

/**
 * The string arguments of tool calls that agents have been handed and have not answered: a subagent's prompt is one of
 * them (behaviour §2, rule 6). Bounded per agent; what is older is forgotten.
 */
export interface HandedArguments {
  /** An answer with these calls has gone to an agent. */
  handOut(agentId: string, runId: string, calls: readonly Pick<ToolCall, 'id' | 'kind' | 'argsText'>[]): void;
  /** A call's result has come back; `output` is the start of what it says. */
  returned(agentId: string, runId: string, callId: string, output: string): void;
  /** Oldest first. `answered`: also those of calls whose result has come back. */
  of(agentId: string, answered: boolean): readonly HandedArgument[];
}

interface Kept extends HandedArgument {
  answered: boolean;
}

const MOST_ARGUMENTS = 256;
const MOST_RUNS = 32;
const MOST_AGENTS = 512;

/** Nothing is handed out but what the store has of open runs. */
export function createHandedArguments(read: Pick<StoreReader, 'openCalls'>): HandedArguments {
  const agents = new Map<string, Kept[]>();
  const of = (agentId: string): Kept[] => {
    const known = agents.get(agentId);
    if (known !== undefined) return known;
    const kept: Kept[] = [];
    agents.set(agentId, kept);
    const [oldest] = agents.keys();
    if (agents.size > MOST_AGENTS && oldest !== undefined) agents.delete(oldest);
    for (const { runId, callId, argsText } of read.openCalls(agentId, MOST_RUNS, MOST_ARGUMENTS))
      keep(kept, runId, callId, argsText);
    return kept;
  };
  return {
    handOut(agentId, runId, calls) {
      const own = calls.filter(({ id, kind }) => id !== null && kind !== 'server');
      if (own.length === 0) return;
      const kept = of(agentId);
      for (const { id, argsText } of own) keep(kept, runId, id ?? '', argsText);
    },
    returned(agentId, runId, callId, output) {
      // A result that names its own call is the handle of work that goes on in the background.
      if (output.includes(callId)) return;
      for (const one of of(agentId)) if (one.callId === callId && one.runId === runId) one.answered = true;
    },
    of: (agentId, answered) => of(agentId).filter((one) => answered || !one.answered),
  };
}

function keep(kept: Kept[], runId: string, callId: string, argsText: string): void {
  if (kept.some((one) => one.callId === callId && one.runId === runId)) return;
  for (const text of promptArguments(argsText)) kept.push({ runId, callId, text, answered: false });
  kept.splice(0, kept.length - MOST_ARGUMENTS);
  while (new Set(kept.map((one) => one.runId)).size > MOST_RUNS) kept.shift();
}
