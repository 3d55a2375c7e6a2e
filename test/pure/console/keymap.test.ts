import { expect, it } from 'vitest';
import { isSingleKey, KEYMAP, keysOf, renderKey } from '../../../renderer/keyboard/keymap.ts';

const press = (key: string, modifiers: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}) =>
  renderKey({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...modifiers });

it('writes keys as the map does', () => {
  expect(press('a')).toBe('a');
  expect(press('A', { shiftKey: true })).toBe('Shift+A');
  expect(press('?', { shiftKey: true })).toBe('?');
  expect(press('k', { ctrlKey: true })).toBe('Mod+K');
  expect(press('k', { metaKey: true })).toBe('Mod+K');
  expect(press('>', { ctrlKey: true, shiftKey: true })).toBe('Mod+Shift+.');
});

it('takes a letter typed under caps lock for the letter', () => {
  expect(press('A')).toBe('a');
});

it('gives no key to two commands', () => {
  const keys = Object.values(KEYMAP).map((command) => command.keys);
  expect(new Set(keys).size).toBe(keys.length);
});

it('calls only keys without modifiers single', () => {
  expect(isSingleKey('a')).toBe(true);
  expect(isSingleKey('g i')).toBe(true);
  expect(isSingleKey('Mod+K')).toBe(false);
  expect(isSingleKey('Enter')).toBe(false);
});

it('prefers a person’s own key', () => {
  expect(keysOf('gate.approve', { 'gate.approve': 'y' })).toBe('y');
  expect(keysOf('gate.reject', { 'gate.approve': 'y' })).toBe('r');
});
