import type { PublishedEvent } from '../proxy-core/contract/events.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../proxy-core/contract/host.ts';
import type { Snapshot } from '../proxy-core/contract/operations/core.ts';
import type { GateRecord } from '../proxy-core/contract/records.ts';
import type { Rungate } from '../proxy-core/index.ts';

/** What tray, badge and menu show of the core. */
export interface Desk {
  /** Gates that wait for a person, latest first. */
  readonly pending: readonly GateRecord[];
  readonly paused: boolean;
  readonly preferences: Preferences;
}

export interface DeskState {
  now(): Desk;
  close(): void;
}

const BY = { actor: 'operator', channel: 'desktop' };

/** Follow the core; `onChange` is called with every change, and first with how things stand. */
export async function followDesk(rungate: Rungate, onChange: (desk: Desk) => void): Promise<DeskState> {
  const gates = new Map<string, GateRecord>();
  let paused = false;
  let preferences = DEFAULT_PREFERENCES;
  const now = (): Desk => ({
    pending: [...gates.values()]
      .filter(({ state, agent_gone_at }) => state === 'pending' && agent_gone_at === null)
      .sort((a, b) => b.created_at - a.created_at),
    paused,
    preferences,
  });
  const put = (gate: GateRecord): void => {
    if (gate.state === 'pending') gates.set(gate.gate_id, gate);
    else gates.delete(gate.gate_id);
  };
  /** Whether an event changes anything here. */
  const apply = (event: PublishedEvent): boolean => {
    const { body } = event;
    if (event.name === 'core.paused' && 'paused' in body) paused = body.paused;
    else if (event.name === 'preferences.changed' && 'preferences' in body) ({ preferences } = body);
    else if (event.name.startsWith('approval.') && 'gate' in body) put(body.gate);
    else return false;
    return true;
  };

  const snapshot = await readSnapshot(rungate);
  for (const gate of snapshot.gates) put(gate);
  ({ preferences } = snapshot);
  ({ paused } = snapshot.status);
  onChange(now());
  const close = rungate.follow(snapshot.cursor, (item) => {
    if (item.kind === 'event' && apply(item.event)) onChange(now());
  });
  return { now, close };
}

async function readSnapshot(rungate: Rungate): Promise<Snapshot> {
  const reply = await rungate.call('core.snapshot', {}, BY);
  if (!reply.ok) throw new Error(reply.failure.message);
  return reply.value as Snapshot;
}
