import type { GateRecord, ProposedAction } from '../contract/records.ts';
import type { Redactor } from '../redaction/redactor.ts';

/** What kind of action a tool performs, as the policy reads its name. */
export type KindOfTool = (tool: string) => 'shell' | 'write' | 'sql' | 'http' | 'other';

/** What a small notice says of a waiting gate. Plain text, already escaped and masked. */
export interface DesktopNotice {
  readonly gate_id: string;
  readonly agent: string;
  /** "refactor-bot: approve shell command?" */
  readonly title: string;
  /** The start of the action, at most 120 characters. */
  readonly body: string;
  readonly rule: string;
  /** The body is the action complete: nothing was cut, masked or left out. Only then may it be approved from here (fault E11). */
  readonly whole: boolean;
}

const BODY_LENGTH = 120;
const NAME_LENGTH = 40;
/** How much of an action is looked at: what follows cannot come to be shown. */
const READ_LENGTH = 8_192;

/** The notification of console §2.3 for a waiting gate. */
export function renderDesktopNotice(gate: GateRecord, kindOfTool: KindOfTool, redactor: Redactor): DesktopNotice {
  const plain: Plain = (text, limit) => plainLine(redactor, text, limit);
  const agent = plain(gate.agent, NAME_LENGTH);
  const { text, complete } = subjectOf(firstGated(gate));
  const body = plain(text, BODY_LENGTH);
  return {
    gate_id: gate.gate_id,
    agent,
    title: `${agent}: approve ${verbOf(gate, kindOfTool, plain)}?`,
    body,
    rule: plain(gate.rule, BODY_LENGTH),
    whole: gate.kind !== 'request' && gate.proposed_actions.length === 1 && complete && body === text,
  };
}

const firstGated = ({ proposed_actions: actions }: GateRecord): ProposedAction | undefined =>
  actions.find(({ rule }) => rule !== null) ?? actions[0];

/** One line of at most so many characters, secrets masked. */
type Plain = (text: string, limit: number) => string;

function verbOf(gate: GateRecord, kindOfTool: KindOfTool, plain: Plain): string {
  const action = firstGated(gate);
  if (gate.kind === 'request' || action === undefined) return 'model call';
  const others = gate.proposed_actions.length - 1;
  return `${nounOf(action.tool, kindOfTool, plain)}${others === 0 ? '' : ` and ${others} more`}`;
}

function nounOf(tool: string, kindOfTool: KindOfTool, plain: Plain): string {
  switch (kindOfTool(tool)) {
    case 'shell':
      return 'shell command';
    case 'write':
      return 'file change';
    case 'sql':
      return 'SQL statement';
    case 'http':
      return 'web request';
    case 'other':
      return plain(tool, NAME_LENGTH);
  }
}

/** The argument that says most, or all of them as JSON. */
const TELLING = ['command', 'cmd', 'sql', 'query', 'file_path', 'path', 'url'];
/** Arguments that change nothing of what is done, and so may go unseen. */
const ASIDE = new Set(['description', 'timeout', 'timeout_ms']);

interface Subject {
  readonly text: string;
  /** No argument that matters is missing from the text. */
  readonly complete: boolean;
}

function subjectOf(action: ProposedAction | undefined): Subject {
  const args = action?.args;
  if (typeof args === 'string') return { text: args, complete: true };
  if (typeof args !== 'object' || args === null) return { text: '', complete: false };
  const members: Readonly<Record<string, unknown>> = { ...args };
  const telling = TELLING.find((name) => typeof members[name] === 'string' && members[name] !== '');
  if (telling === undefined) return { text: JSON.stringify(args), complete: true };
  const others = Object.keys(members).filter((name) => name !== telling && !ASIDE.has(name));
  return { text: String(members[telling]), complete: others.length === 0 };
}

/** Controls, bidi, zero-width and tag characters, lone surrogates, odd spaces: shown, not obeyed (fault E10). */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|\p{Variation_Selector}|\u034f|[\u115f\u1160\u3164\uffa0]|\u17b4|\u17b5|(?! )\p{Zs}/gu;

/** One line of at most `limit` characters: secrets masked before anything is cut, so that no half of one stays. */
function plainLine(redactor: Redactor, text: string, limit: number): string {
  const line = redactor
    .text(text.slice(0, READ_LENGTH))
    .value.replace(/\s+/g, ' ')
    .trim()
    .replace(HIDDEN, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);
  const characters = Array.from(line);
  return characters.length <= limit ? line : `${characters.slice(0, limit - 1).join('')}…`;
}
