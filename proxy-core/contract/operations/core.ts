import { z } from 'zod';
import { hostRecord, keyRecord, preferences } from '../host.ts';
import { gateRecord, grantRecord } from '../records.ts';
import { command, name, none, query } from './shape.ts';

/** A program that called an agent's token and that no measured client is: what it calls itself, and how often since the start. */
const unknownClient = z.object({ user_agent: z.string(), agent: z.string(), calls: z.int() });
export type UnknownClient = z.infer<typeof unknownClient>;

const coreStatus = z.object({
  version: z.string(),
  pid: z.int(),
  agent_url: z.string(),
  console_url: z.string().nullable(),
  home: z.string(),
  started_at: z.int(),
  paused: z.boolean(),
  in_flight: z.int(),
  store: z.object({ ok: z.boolean(), detail: z.string() }),
  providers: z.array(
    z.object({
      id: z.string(),
      origin: z.string(),
      formats: z.array(z.string()),
      models: z.array(z.string()),
      key: z.enum(['set', 'missing', 'none']),
      key_source: z.string(),
      /** How it is reached: `directly`, or through which proxy. */
      way: z.string(),
    }),
  ),
  /** Whose certificates are trusted upstream. */
  authorities: z.string(),
  config_file: z.string().nullable(),
  /** How this program is called in any folder, with `--home` where it is needed: for commands that are shown. */
  program: z.string(),
  unknown_clients: z.array(unknownClient),
});
export type CoreStatus = z.infer<typeof coreStatus>;

/** Where a listener stands in the stream of events: which start of the core, and the last event it has seen. */
export const eventCursor = z.strictObject({ epoch: z.string().max(64), seq: z.int().min(0) });
export type EventCursor = z.infer<typeof eventCursor>;

/** What the console starts from; events with a greater sequence are then applied to it. */
export const snapshot = z.object({
  cursor: eventCursor,
  now: z.int(),
  status: coreStatus,
  host: hostRecord,
  preferences,
  /** Every pending gate, and decided ones whose agent has not heard of it yet. */
  gates: z.array(gateRecord),
  snoozed: z.array(z.object({ gate_id: z.string(), until: z.int() })),
  grants: z.array(grantRecord),
  /** Calls that passed since local midnight. */
  calls_today: z.int(),
  runs_total: z.int(),
});
export type Snapshot = z.infer<typeof snapshot>;

/** The core itself, the operator's preferences and provider keys. */
export const CORE_OPERATIONS = {
  'core.status': query(none, coreStatus),
  'core.snapshot': query(none, snapshot),
  'core.pause': command(none, z.object({ paused: z.boolean() })),
  'core.resume': command(none, z.object({ paused: z.boolean() })),
  /** A fresh address that signs one browser in to the console, once, until `expires_at` (epoch ms). Recorded. */
  'console.launch': command(none, z.object({ launch_url: z.string(), expires_at: z.int() })),
  'preferences.show': query(none, z.object({ preferences })),
  'preferences.set': command(z.strictObject({ preferences }), z.object({ preferences })),
  'keys.list': query(none, z.object({ keys: z.array(keyRecord) })),
  /** Keep a provider's key with the host and try it on the provider's model list (at most 5 s). */
  'keys.set': command(
    z.strictObject({ provider: name, key: z.string().min(1).max(8192) }),
    z.object({ key: keyRecord, checked: z.object({ ok: z.boolean(), detail: z.string() }) }),
  ),
  'keys.remove': command(z.strictObject({ provider: name }), z.object({ key: keyRecord })),
} as const;
