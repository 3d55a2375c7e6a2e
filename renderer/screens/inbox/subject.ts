import type { ActionView, GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';

/** What a gate is about, in a few words. All of it may hold text of a model: show it with `VisibleText`. */
export interface Subject {
  /** "run", "change", "send"; the tool's name where nothing better is known. */
  readonly verb: string;
  /** What it is done to: a command, a path, an address. May be long: only a list cuts it. */
  readonly target: string;
}

const TELLING: readonly (readonly [string, string])[] = [
  ['command', 'run'],
  ['cmd', 'run'],
  ['sql', 'query'],
  ['query', 'query'],
  ['file_path', 'change'],
  ['path', 'change'],
  ['url', 'call'],
];
/** How much of arguments a list reads. */
const READ = 400;

/** The subject of a gate from its record alone, for lists. */
export function subjectOf(gate: GateRecord): Subject {
  const action = gate.proposed_actions.find(({ rule }) => rule !== null) ?? gate.proposed_actions[0];
  if (action === undefined) return { verb: gate.kind === 'request' ? 'model call' : 'call', target: '' };
  const { tool, args } = action;
  if (typeof args === 'string') return { verb: tool, target: args.slice(0, READ) };
  if (typeof args !== 'object' || args === null) return { verb: tool, target: '' };
  const members: Readonly<Record<string, unknown>> = { ...args };
  for (const [name, verb] of TELLING) {
    const value = members[name];
    if (typeof value === 'string' && value !== '') return { verb, target: value.slice(0, READ) };
  }
  return { verb: tool, target: JSON.stringify(args).slice(0, READ) };
}

/** A sentence in parts: what stands in `code` is the model's. */
export type SentencePart = { readonly text: string } | { readonly code: string };

/** A text for one line of a list. */
export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');

/** "wants to run a shell command in `~/src/api`", without the agent's name. */
export function sentenceOf(card: Pick<GateCard, 'gate' | 'actions'>): readonly SentencePart[] {
  const { gate, actions } = card;
  if (gate.kind === 'request') return [{ text: 'wants to make a model call' }];
  const gated = actions.filter(({ rule }) => rule !== null);
  const [only] = gated;
  const others = actions.length - 1;
  if (only === undefined) return [{ text: `wants to make ${actions.length} tool calls` }];
  if (gated.length > 1) {
    const passed = actions.length - gated.length;
    const rest = passed === 0 ? '' : `, with ${count(passed, 'other call')} in the same answer`;
    return [{ text: `wants to make ${gated.length} calls that need approval${rest}` }];
  }
  const rest = others === 0 ? [] : [{ text: `, with ${count(others, 'other call')} in the same answer` }];
  return [{ text: 'wants to ' }, ...wishOf(only), ...rest];
}

function wishOf(view: ActionView): readonly SentencePart[] {
  switch (view.view) {
    case 'shell': {
      const commands = view.segments.filter(({ text }) => text.trim() !== '').length;
      const what = commands > 1 ? `run ${commands} shell commands` : 'run a shell command';
      return view.cwd === null ? [{ text: what }] : [{ text: `${what} in ` }, { code: view.cwd }];
    }
    case 'diff': {
      const [first, ...more] = view.changes;
      if (first === undefined) return [{ text: 'change a file' }];
      const verb = first.before === null && first.patch === null ? 'write ' : 'change ';
      return [
        { text: verb },
        { code: first.path },
        ...(more.length === 0 ? [] : [{ text: ` and ${count(more.length, 'other file')}` }]),
      ];
    }
    case 'sql': {
      const what = view.verb === null ? 'run a SQL statement' : `run a SQL ${view.verb.toUpperCase()}`;
      const [table, ...more] = view.tables;
      if (table === undefined) return [{ text: what }];
      return [{ text: `${what} on ` }, { code: [table, ...more].join(', ') }];
    }
    case 'http':
      return [{ text: `send a ${view.method.toUpperCase()} request to ` }, { code: view.host }];
    case 'json':
      return [{ text: 'call ' }, { code: view.tool }];
  }
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** The texts of a gate that a search looks in. */
export function matchesSearch(gate: GateRecord, words: string): boolean {
  const wanted = words.trim().toLowerCase();
  if (wanted === '') return true;
  const actions = gate.proposed_actions.map(
    ({ tool, args }) => `${tool} ${typeof args === 'string' ? args : JSON.stringify(args)}`,
  );
  const text = [gate.gate_id, gate.agent, gate.rule, gate.run_id, gate.reason ?? '', ...actions]
    .join('\n')
    .toLowerCase();
  return wanted.split(/\s+/).every((word) => text.includes(word));
}
