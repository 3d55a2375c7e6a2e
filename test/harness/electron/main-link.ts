import { createLink } from './link.ts';
import type { ForHost, ForMain } from './messages.ts';

/** The main process's end of the wire to the test process. */
export const host = createLink<ForHost, ForMain>((message) => {
  // Without a callback a test process that has gone surfaces here as an error of the app.
  process.send?.(message, () => undefined);
});

process.on('message', host.receive);
process.on('disconnect', () => process.exit(1));
