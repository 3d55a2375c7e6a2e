import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DriverOptions } from './driver.ts';

/** The installation's folder within a profile. */
export const homeOf = (profile: string): string => join(profile, 'rungate');

/** Lay out a profile for the desktop app: its configuration, and the person's own folder, which is returned. */
export function prepareProfile(profile: string, { configuration }: DriverOptions): string {
  const user = join(profile, 'user');
  mkdirSync(user, { recursive: true, mode: 0o700 });
  mkdirSync(homeOf(profile), { recursive: true, mode: 0o700 });
  // JSON is YAML. Any free port: several apps run at once, and a real one may be running besides.
  const text = JSON.stringify({ agent_port: 0, ...configuration });
  writeFileSync(join(homeOf(profile), 'rungate.yaml'), text, { mode: 0o600 });
  return user;
}
