import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The built app that these tests run: this repository's, or the folder that RG_APP_PATH names (an app.asar that was
 * extracted from a package, for instance).
 */
export const APP_PATH = process.env['RG_APP_PATH'] ?? fileURLToPath(new URL('../..', import.meta.url));

/** The built headless program. Throws with the cure if it has not been built. */
export const headlessProgram = (): string => built(APP_PATH, 'dist/rungate.js');

/** The main bundle of the app in a folder. Throws with the cure if it has not been built. */
export function mainBundle(appPath: string): string {
  const { main } = JSON.parse(readFileSync(join(appPath, 'package.json'), 'utf8')) as { readonly main: string };
  return built(appPath, main);
}

function built(appPath: string, file: string): string {
  const path = join(appPath, file);
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run build`);
  return path;
}
