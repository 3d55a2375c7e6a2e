/**
 * The system whose notifications, tray and badge the desktop app uses. RUNGATE_PLAY_PLATFORM lets a test on one system
 * see what a person on another would; nothing that protects anything depends on it.
 */
export const PLATFORM: NodeJS.Platform = playedPlatform(process.env['RUNGATE_PLAY_PLATFORM']) ?? process.platform;

function playedPlatform(name: string | undefined): NodeJS.Platform | null {
  return name === 'linux' || name === 'darwin' || name === 'win32' ? name : null;
}
