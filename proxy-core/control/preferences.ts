import { DEFAULT_PREFERENCES, type Preferences, preferences } from '../contract/host.ts';
import type { Core } from '../exchange/core.ts';
import type { Store } from '../store/store.ts';
import type { Handlers } from './call.ts';

type PreferenceHandlers = Pick<Handlers, 'preferences.show' | 'preferences.set'>;

const SETTING = 'preferences';

/** What the operator has chosen; what has never been chosen, or is not readable any more, is as by default. */
export const readPreferences = (store: Pick<Store, 'read'>): Preferences =>
  mergePreferences(store.read.setting(SETTING));

/** Show and set what the operator has chosen. */
export function preferenceHandlers(core: Core): PreferenceHandlers {
  return {
    'preferences.show': () => ({ preferences: readPreferences(core.store) }),
    'preferences.set': async (input, by) => {
      const at = core.clock.now();
      await core.store.write('setSetting', { at, name: SETTING, value: input.preferences, by }).durable;
      core.bus.publish('preferences.changed', input);
      return input;
    },
  };
}

/**
 * Stored preferences over the defaults, choice by choice: what another version has written, and this one does not
 * know, falls back alone.
 */
export function mergePreferences(stored: unknown): Preferences {
  const merged = Object.entries(DEFAULT_PREFERENCES).map(([section, defaults]): [string, unknown] => {
    const fields = preferences.shape[section as keyof Preferences].shape;
    return [section, mergeSection(fields, defaults, memberOf(stored, section))];
  });
  return preferences.parse(Object.fromEntries(merged));
}

type Fields = Readonly<Record<string, { safeParse(value: unknown): { success: boolean; data?: unknown } }>>;

function mergeSection(fields: Fields, defaults: Readonly<Record<string, unknown>>, stored: unknown): unknown {
  const chosen = Object.entries(fields).map(([name, field]): [string, unknown] => {
    const parsed = field.safeParse(memberOf(stored, name));
    return [name, parsed.success ? parsed.data : defaults[name]];
  });
  return Object.fromEntries(chosen);
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
