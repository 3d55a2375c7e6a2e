/** The one visible line of a held stream. It names the rule and the gate, never the tool or its arguments. */

/** What a note says. */
export interface Note {
  readonly rule: string;
  readonly gateId: string;
}

const RULE_LENGTH = 120;

/** `[Rungate] waiting for approval: RULE (GATE_ID)`, on one line. */
export function renderNote(note: Note): string {
  const rule = Array.from(note.rule.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim());
  const shown = rule.length > RULE_LENGTH ? `${rule.slice(0, RULE_LENGTH - 1).join('')}…` : rule.join('');
  return `${NOTE_HEAD}${shown === '' ? 'rule' : shown} (${note.gateId})`;
}

/** A note as it is sent: a blank line ends it, because one client (Claude Code 2.1.332) draws whole lines only. */
export const noteText = (note: Note): string => `${renderNote(note)}\n\n`;

/** How every note begins. */
export const NOTE_HEAD = '[Rungate] waiting for approval: ';

const NOTE = /(\n\n)?\[Rungate\] waiting for approval: [^\r\n]{1,260}? \((gate_[0-9A-Za-z_-]{1,64})\)\n{0,2}/g;

/** A text without the notes of gates that `isOurs` knows, with the blank lines that set them apart. */
export const withoutNotes = (text: string, isOurs: (gateId: string) => boolean): string =>
  text.replace(NOTE, (match, _before: string | undefined, gateId: string) => (isOurs(gateId) ? '' : match));
