import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * One bundle for Node: the `rungate` program and the store's worker beside it. Every dependency is bundled except
 * better-sqlite3, whose native binding must stay a file.
 */
export default defineConfig({
  root,
  ssr: { noExternal: true, external: ['better-sqlite3'], target: 'node' },
  build: {
    ssr: true,
    target: 'node22',
    outDir: 'dist',
    emptyOutDir: true,
    minify: false,
    rollupOptions: {
      input: {
        rungate: 'electron/cli/main.ts',
        'store-worker': 'proxy-core/store/worker.ts',
        'regex-worker': 'proxy-core/exchange/regex-worker.ts',
      },
      external: [...builtinModules, /^node:/, 'better-sqlite3'],
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
