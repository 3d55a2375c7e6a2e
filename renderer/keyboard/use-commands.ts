import { useEffect } from 'react';
import { useConsole } from '../store/console.ts';
import { type CommandName, isSingleKey, KEYMAP, keysOf, renderKey } from './keymap.ts';

/** What a component does for a command; returning false passes the key on. */
export type CommandActions = Partial<Readonly<Record<CommandName, () => unknown>>>;

const SEQUENCE_MS = 1500;
const GUARD_MS = 500;

const stack: CommandActions[] = [];
let guardedUntil = 0;
let pending: { readonly first: string; readonly until: number } | null = null;

/**
 * Ignore single keys for half a second: what is on the screen has just changed, and a key on its way was meant for
 * what stood there before (console §5, mistake 1).
 */
export function guardKeys(): void {
  guardedUntil = performance.now() + GUARD_MS;
}

/** Offer actions while the component is mounted; the latest mounted component is asked first. */
export function useCommands(actions: CommandActions): void {
  useEffect(() => {
    stack.unshift(actions);
    return () => {
      stack.splice(stack.indexOf(actions), 1);
    };
  }, [actions]);
}

/** Listen to the keyboard: once, by the shell. */
export function useKeyboard(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const command = commandOf(event);
      if (command === null || !carryOut(command)) return;
      event.preventDefault();
    };
    window.addEventListener('keydown', press);
    window.addEventListener('focus', guardKeys);
    return () => {
      window.removeEventListener('keydown', press);
      window.removeEventListener('focus', guardKeys);
    };
  }, []);
}

/** Carry a command out as if its key had been pressed; false if nothing on the screen offers it. */
export function carryOut(command: CommandName): boolean {
  for (const actions of stack) {
    const action = actions[command];
    if (action !== undefined && action() !== false) return true;
  }
  return false;
}

/** The commands that something on the screen offers now. */
export const offeredCommands = (): readonly CommandName[] =>
  (Object.keys(KEYMAP) as CommandName[]).filter((name) => stack.some((actions) => actions[name] !== undefined));

function commandOf(event: KeyboardEvent): CommandName | null {
  if (event.defaultPrevented || event.isComposing || event.key === 'Shift') return null;
  const pressed = renderKey(event);
  const { single_keys, remap } = useConsole.getState().preferences.keyboard;
  if (isSingleKey(pressed) || pressed === 'Enter') {
    if (event.altKey || isWriting(event.target)) return null;
    // Enter on a control presses that control.
    if (
      pressed === 'Enter' &&
      event.target instanceof HTMLElement &&
      event.target.closest('button,a,summary,[role=menuitem]') !== null
    )
      return null;
    if (document.querySelector('dialog[open]') !== null) return null;
    if (pressed !== 'Enter' && !single_keys) return null;
    if (performance.now() < guardedUntil) {
      pending = null;
      return null;
    }
  }
  const now = performance.now();
  const sequence = pending !== null && now < pending.until ? `${pending.first} ${pressed}` : null;
  pending = null;
  const names = Object.keys(KEYMAP) as CommandName[];
  const found = names.find((name) => keysOf(name, remap) === (sequence ?? pressed));
  // A key held down moves on, but decides once.
  if (found !== undefined) return event.repeat && KEYMAP[found].group !== 'Move' ? null : found;
  if (names.some((name) => keysOf(name, remap).startsWith(`${pressed} `)))
    pending = { first: pressed, until: now + SEQUENCE_MS };
  return null;
}

const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.closest('input,textarea,select,[role=combobox]') !== null);
