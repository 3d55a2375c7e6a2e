import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Every suite uses real sockets and real SQLite; nothing is replaced by a double but the provider. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default', fileURLToPath(new URL('closing-line.ts', import.meta.url))],
  },
});
