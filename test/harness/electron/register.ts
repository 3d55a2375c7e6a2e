import { registerHooks } from 'node:module';
import { readLaunch } from './launch.ts';

/** Preloaded into the main process (`node --import`): `electron` is the stand-in, however it is imported. */
const STAND_IN = new URL('electron.ts', import.meta.url).href;

readLaunch();
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' || specifier === 'electron/main'
      ? { url: STAND_IN, shortCircuit: true }
      : next(specifier, context),
});
