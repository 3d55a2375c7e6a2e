import type { GateRecord, ProposedAction } from '../contract/records.ts';
import { maskSecrets } from './mask.ts';

/** What kind of action a tool performs, as the policy reads its name. */
export type KindOfTool = (tool: string) => 'shell' | 'write' | 'sql' | 'http' | 'other';

/** What the desktop shows for a waiting gate. Plain text, already escaped and masked. */
export interface DesktopNotice {
  readonly gate_id: string;
  readonly run_id: string;
  /** "refactor-bot: approve shell command?" */
  readonly title: string;
  /** The start of the action, at most 120 characters. */
  readonly body: string;
  readonly rule: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

const BODY_LENGTH = 120;
const NAME_LENGTH = 40;
/** How much of an action is looked at: what follows cannot come to be shown. */
const READ_LENGTH = 8_192;

/** The notification of console §2.3 for a waiting gate. */
export const renderDesktopNotice = (gate: GateRecord, kindOfTool: KindOfTool): DesktopNotice => ({
  gate_id: gate.gate_id,
  run_id: gate.run_id,
  title: `${plain(gate.agent, NAME_LENGTH)}: approve ${verbOf(gate, kindOfTool)}?`,
  body: plain(subjectOf(firstGated(gate)), BODY_LENGTH),
  rule: plain(gate.rule, BODY_LENGTH),
  expires_at: new Date(gate.expires_at).toISOString(),
});

const firstGated = ({ proposed_actions: actions }: GateRecord): ProposedAction | undefined =>
  actions.find(({ rule }) => rule !== null) ?? actions[0];

function verbOf(gate: GateRecord, kindOfTool: KindOfTool): string {
  const action = firstGated(gate);
  if (gate.kind === 'request' || action === undefined) return 'model call';
  const others = gate.proposed_actions.length - 1;
  return `${nounOf(action.tool, kindOfTool)}${others === 0 ? '' : ` and ${others} more`}`;
}

function nounOf(tool: string, kindOfTool: KindOfTool): string {
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

function subjectOf(action: ProposedAction | undefined): string {
  const args = action?.args;
  if (typeof args === 'string') return args;
  if (typeof args !== 'object' || args === null) return '';
  const members: Readonly<Record<string, unknown>> = { ...args };
  const telling = TELLING.map((name) => members[name]).find((value) => typeof value === 'string' && value !== '');
  return typeof telling === 'string' ? telling : JSON.stringify(args);
}

/** Controls, bidi, zero-width and tag characters, lone surrogates, odd spaces: shown, not obeyed (fault E10). */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|\p{Variation_Selector}|\u034f|[\u115f\u1160\u3164\uffa0]|\u17b4|\u17b5|(?! )\p{Zs}/gu;

/** One line of at most `limit` characters: secrets masked before anything is cut, so that no half of one stays. */
function plain(text: string, limit: number): string {
  const line = maskSecrets(text.slice(0, READ_LENGTH))
    .value.replace(/\s+/g, ' ')
    .trim()
    .replace(HIDDEN, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);
  const characters = Array.from(line);
  return characters.length <= limit ? line : `${characters.slice(0, limit - 1).join('')}…`;
}
