import { pathToFileURL } from 'node:url';
import { becomeReady } from './electron.ts';
import { readLaunch } from './launch.ts';

/**
 * What a forked main process runs: the app's entry, and only then `ready`, because Electron too fires it after the
 * entry has been evaluated. An entry that waits for `ready` at its top level hangs here as it does there.
 */
const { appPath, entry } = readLaunch();
process.argv.splice(1, 1, appPath);
Object.assign(process, { type: 'browser', resourcesPath: appPath });
await import(pathToFileURL(entry).href);
becomeReady();
