import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The console in the three engines, on what was built; an engine that is not here is skipped by name. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/engines/*.engine.ts'],
    pool: 'forks',
    fileParallelism: false,
    // Generous: a busy machine is slow, and nothing here is measured.
    testTimeout: 60_000,
    reporters: ['verbose', fileURLToPath(new URL('closing-line.ts', import.meta.url))],
  },
});
