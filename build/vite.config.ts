import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const node = [...builtinModules, /^node:/];

/**
 * Three programs from one source tree: `main` is everything that runs in Node (the `rungate` command, the desktop
 * app's main process and the workers beside them), `preload` the window's only bridge, `client` the console that
 * desktop and browser share. Every dependency is bundled except Electron and better-sqlite3, whose native binding must
 * stay a file.
 */
export default defineConfig({
  root: at('renderer'),
  base: './',
  publicDir: false,
  plugins: [react(), tailwindcss()],
  builder: { sharedConfigBuild: false, sharedPlugins: false },
  environments: {
    main: {
      consumer: 'server',
      resolve: { noExternal: true, external: ['electron', 'better-sqlite3'] },
      build: {
        ssr: true,
        target: 'node22',
        outDir: at('dist'),
        // Cleared by the build command: the other two programs are built into folders below.
        emptyOutDir: false,
        minify: false,
        rollupOptions: {
          input: {
            rungate: at('electron/cli/built-entry.js'),
            main: at('electron/main.ts'),
            'store-worker': at('proxy-core/store/worker.ts'),
            'reader-worker': at('proxy-core/store/reader-worker.ts'),
            'mask-worker': at('proxy-core/store/mask-worker.ts'),
            'regex-worker': at('proxy-core/exchange/regex-worker.ts'),
            'export-worker': at('proxy-core/exports/export-worker.ts'),
            'verify-worker': at('proxy-core/signing/verify-worker.ts'),
          },
          external: [...node, 'electron', 'better-sqlite3'],
          output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
        },
      },
    },
    preload: {
      consumer: 'server',
      resolve: { noExternal: true, external: ['electron'] },
      build: {
        ssr: true,
        target: 'node22',
        outDir: at('dist/preload'),
        emptyOutDir: true,
        minify: false,
        rollupOptions: {
          input: { preload: at('electron/preload.ts') },
          external: ['electron'],
          // A sandboxed preload can be neither ESM nor import other files.
          output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
        },
      },
    },
    client: {
      build: {
        target: 'chrome140',
        outDir: at('dist/renderer'),
        emptyOutDir: true,
        // The content security policy allows no inline data but pictures.
        assetsInlineLimit: 0,
        // Read from the local disk: one larger file costs nothing.
        chunkSizeWarningLimit: 1500,
        modulePreload: { polyfill: false },
        rollupOptions: { input: at('renderer/index.html') },
      },
    },
  },
});
