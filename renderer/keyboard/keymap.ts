/** Every command that a key gives, with its key. Remapping replaces a key; single letters can be turned off as a whole. */
export interface KeyCommand {
  readonly keys: string;
  readonly label: string;
  readonly group: 'Move' | 'Decide' | 'Go to' | 'Everywhere';
}

/** Keys as `renderKey` writes them: `a`, `Shift+A`, `Mod+K`, `g i` for two in a row. `Mod` is Ctrl, on a Mac Cmd. */
export const KEYMAP = {
  'move.next': { keys: 'j', label: 'Next', group: 'Move' },
  'move.previous': { keys: 'k', label: 'Previous', group: 'Move' },
  'move.open': { keys: 'Enter', label: 'Open', group: 'Move' },
  'step.next': { keys: ']', label: 'Next step', group: 'Move' },
  'step.previous': { keys: '[', label: 'Previous step', group: 'Move' },
  'gate.approve': { keys: 'a', label: 'Approve once', group: 'Decide' },
  'gate.reject': { keys: 'r', label: 'Reject', group: 'Decide' },
  'gate.remember': { keys: 'Shift+A', label: 'Approve and remember', group: 'Decide' },
  'gate.select': { keys: 'x', label: 'Select for bulk', group: 'Decide' },
  'gate.select-like': { keys: 'Shift+X', label: 'Select all of the same rule and tool', group: 'Decide' },
  'gate.undo': { keys: 'z', label: 'Undo', group: 'Decide' },
  'gate.snooze': { keys: 's', label: 'Snooze', group: 'Decide' },
  'gate.extend': { keys: 't', label: 'Extend 15 min', group: 'Decide' },
  'gate.diff': { keys: 'd', label: 'Unified or split diff', group: 'Decide' },
  'go.inbox': { keys: 'g i', label: 'Inbox', group: 'Go to' },
  'go.runs': { keys: 'g r', label: 'Runs', group: 'Go to' },
  'go.settings': { keys: 'g s', label: 'Settings', group: 'Go to' },
  search: { keys: '/', label: 'Search', group: 'Everywhere' },
  help: { keys: '?', label: 'Keyboard help', group: 'Everywhere' },
  palette: { keys: 'Mod+K', label: 'Command palette', group: 'Everywhere' },
  'pause.all': { keys: 'Mod+Shift+.', label: 'Pause all, or resume', group: 'Everywhere' },
} as const satisfies Record<string, KeyCommand>;

export type CommandName = keyof typeof KEYMAP;

/** What matters of a key press. */
interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** A key press as the map writes it. Shift is named for letters only: other characters already differ by it. */
export function renderKey(event: KeyPress): string {
  const letter = /^\p{L}$/u.test(event.key);
  const key = letter
    ? event.shiftKey
      ? event.key.toUpperCase()
      : event.key.toLowerCase()
    : event.key === '>'
      ? '.'
      : event.key;
  const mod = event.ctrlKey || event.metaKey;
  const parts = [mod ? 'Mod' : '', event.altKey ? 'Alt' : ''].filter((part) => part !== '');
  if (event.shiftKey && (letter || mod)) parts.push('Shift');
  return [...parts, mod ? key.toUpperCase() : key].join('+');
}

/** The key of a command under a person's remapping. */
export const keysOf = (command: CommandName, remap: Readonly<Record<string, string>>): string =>
  remap[command] ?? KEYMAP[command].keys;

/** Whether keys are letters alone, which are ignored in inputs, right after a change of what is shown, and when turned off. */
export const isSingleKey = (keys: string): boolean => !keys.startsWith('Mod') && keys !== 'Enter';
