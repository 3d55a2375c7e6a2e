/** The system that the stand-in plays. Never `process.platform`: native modules would load another system's binary. */
export type PlayedPlatform = 'linux' | 'darwin' | 'win32';

/** How the test process starts a main process; crosses in the environment variable below. */
export interface Launch {
  readonly platform: PlayedPlatform;
  /** The repository, or the folder of an unpacked package: `app.getAppPath()`. */
  readonly appPath: string;
  /** The main bundle. */
  readonly entry: string;
  /** The profile: holds the user data, the keyring and what else the system would keep for the person. */
  readonly profile: string;
  /** What the keyring of the played system offers; `basic_text` protects nothing. */
  readonly keyring: 'gnome_libsecret' | 'basic_text';
  /** Whether the desktop has a place for icons of apps; without it `new Tray` throws. */
  readonly tray: boolean;
  /** What `app.isPackaged` says. */
  readonly isPackaged: boolean;
}

export const LAUNCH_VARIABLE = 'RG_HARNESS_LAUNCH';

/** How this main process was started. Throws outside one. */
export function readLaunch(env: NodeJS.ProcessEnv = process.env): Launch {
  const text = env[LAUNCH_VARIABLE];
  if (text === undefined) throw new Error(`${LAUNCH_VARIABLE} is not set: this file belongs to the test harness`);
  return JSON.parse(text) as Launch;
}
