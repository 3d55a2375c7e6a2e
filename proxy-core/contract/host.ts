import { z } from 'zod';
import { RISK_LEVELS } from './gate-card.ts';

/** What the console needs to know of the program it runs in, and what a person has set there. */

export const hostRecord = z.object({
  kind: z.enum(['desktop', 'headless']),
  /** As Node names it: `linux`, `darwin`, `win32`. */
  platform: z.string(),
  /** `buttons`: native with actions; `click`: native, a click opens the gate; `browser`: the page shows them itself. */
  notifications: z.enum(['buttons', 'click', 'browser', 'none']),
  /** How a provider key given here is kept: `protected` by the system, only for this `session`, or not at all (`none`). */
  key_storage: z.enum(['protected', 'session', 'none']),
  /** Why keys are not kept protected, for people; null when they are. */
  key_storage_note: z.string().nullable(),
  launch_at_login: z.boolean(),
  tray: z.boolean(),
  /** Files are saved through a dialog of the host; without it the page downloads them. */
  save_dialog: z.boolean(),
});
export type HostRecord = z.infer<typeof hostRecord>;

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day as HH:MM');

/** What the operator has chosen. One home for all surfaces; kept in the store. */
export const preferences = z.strictObject({
  appearance: z.strictObject({
    theme: z.enum(['system', 'light', 'dark']),
    density: z.enum(['comfortable', 'compact']),
    motion: z.enum(['system', 'reduced']),
  }),
  keyboard: z.strictObject({
    single_keys: z.boolean(),
    /** Command name to key, for those that differ from the map. */
    remap: z.record(z.string().max(40), z.string().max(20)),
  }),
  notifications: z.strictObject({
    enabled: z.boolean(),
    /** The notice names the agent only. */
    privacy: z.boolean(),
    /** Local times; both null: none. Within them notices are silent and the count goes on. */
    quiet_from: clockTime.nullable(),
    quiet_to: clockTime.nullable(),
    /** Quiet until this instant, epoch ms ("Quiet for 1 h"). */
    quiet_until: z.int().nullable(),
    pause_expiry_in_quiet_hours: z.boolean(),
  }),
  gates: z.strictObject({ extend_while_reviewing: z.boolean() }),
  desktop: z.strictObject({
    launch_at_login: z.boolean(),
    close: z.enum(['tray', 'quit', 'ask']),
  }),
  runs: z.strictObject({
    saved_views: z.array(z.strictObject({ name: z.string().min(1).max(60), query: z.string().max(400) })).max(30),
  }),
});
export type Preferences = z.infer<typeof preferences>;

export const DEFAULT_PREFERENCES: Preferences = {
  appearance: { theme: 'system', density: 'comfortable', motion: 'system' },
  keyboard: { single_keys: true, remap: {} },
  notifications: {
    enabled: true,
    privacy: false,
    quiet_from: null,
    quiet_to: null,
    quiet_until: null,
    pause_expiry_in_quiet_hours: false,
  },
  gates: { extend_while_reviewing: true },
  desktop: { launch_at_login: false, close: 'tray' },
  runs: { saved_views: [] },
};

/** Something to show a person now: by the desktop host natively, by the console in a browser. Plain text, escaped and masked. */
export const noticeRecord = z.object({
  notice_id: z.string(),
  kind: z.enum(['gate', 'reminder', 'summary', 'test']),
  /** The gate a click opens; null: the inbox. */
  gate_id: z.string().nullable(),
  /** What the reviewer of an action button decides on. */
  action_hash: z.string().nullable(),
  title: z.string(),
  body: z.string(),
  risk: z.enum(RISK_LEVELS).nullable(),
  silent: z.boolean(),
});
export type NoticeRecord = z.infer<typeof noticeRecord>;

/** A provider's key as the console may know it: never the key. */
export const keyRecord = z.object({
  provider: z.string(),
  origin: z.string(),
  reference: z.string(),
  state: z.enum(['set', 'missing', 'none']),
  /** Where it lies: the system's protection, this session's memory, or outside Rungate (environment, file). */
  kept: z.enum(['protected', 'session', 'outside', 'nowhere']),
});
export type KeyRecord = z.infer<typeof keyRecord>;
