import { powerMonitor } from 'electron';
import type { Log } from '../proxy-core/ports.ts';

/** After a sleep the clock has jumped: gates expire and windows roll at once, not at the next timer. */
export function watchPower(rungate: { clockChanged(): Promise<void> }, log: Log, quit: () => void): void {
  const look = (): void =>
    void rungate.clockChanged().catch((error: unknown) => log.error('clock.not_read', { error: String(error) }));
  powerMonitor.on('resume', look);
  powerMonitor.on('unlock-screen', look);
  // The system goes down: there is nobody to answer a question.
  powerMonitor.on('shutdown', quit);
}
