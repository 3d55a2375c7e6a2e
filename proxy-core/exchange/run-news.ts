import type { Bus } from '../bus.ts';
import type { PublishedEvent } from '../contract/events.ts';

/**
 * Tells that runs have changed (`run.changed`), at most about four times a second for each: the first change at once, those
 * that follow together, and the last one always.
 */
export interface RunNews {
  /** The run's record has changed and the change is committed. */
  changed(runId: string): void;
  /** Publish what is still waiting and listen no more. */
  close(): void;
}

const QUIET_MS = 250;
const CHANGES_RUN: ReadonlySet<string> = new Set(['run.started', 'run.completed', 'run.blocked', 'budget.exceeded']);

/** Everything that is announced of a run's gates changes its record too; nobody has to say it twice. */
export function createRunNews(bus: Bus): RunNews {
  /** Runs that were announced a moment ago, and whether they have changed since. */
  const recent = new Map<string, { changed: boolean; readonly timer: NodeJS.Timeout }>();

  const publish = (runId: string): void => bus.publish('run.changed', { run_id: runId });

  const quiet = (runId: string): void => {
    const changed = recent.get(runId)?.changed === true;
    recent.delete(runId);
    if (changed) announce(runId);
  };

  const announce = (runId: string): void => {
    recent.set(runId, { changed: false, timer: setTimeout(quiet, QUIET_MS, runId).unref() });
    publish(runId);
  };

  const changed = (runId: string): void => {
    const known = recent.get(runId);
    if (known === undefined) announce(runId);
    else known.changed = true;
  };

  const unsubscribe = bus.subscribe((event) => {
    const runId = runConcerned(event);
    if (runId !== null) changed(runId);
  });

  return {
    changed,
    close() {
      unsubscribe();
      for (const [runId, { changed: waiting, timer }] of recent) {
        clearTimeout(timer);
        if (waiting) publish(runId);
      }
      recent.clear();
    },
  };
}

/** The run whose record an event says to be different, or null. */
function runConcerned({ name, body }: PublishedEvent): string | null {
  if (name.startsWith('approval.')) return 'gate' in body ? body.gate.run_id : null;
  return CHANGES_RUN.has(name) && 'run_id' in body ? body.run_id : null;
}
