/**
 * Threat: a switch of the runtime opens the app to whoever starts it with one: a debugger reads keys and presses
 * buttons, a Node shell runs with the app's signature (fault B8). Fuses close most of this in a package; what they do not
 * cover, and what a broken fuse would leave open, is refused here.
 */
const SWITCHES = [
  'remote-debugging-port',
  'remote-debugging-pipe',
  'remote-debugging-address',
  'inspect',
  'inspect-brk',
  'inspect-port',
  'inspect-wait',
  'js-flags',
  'disable-web-security',
  'load-extension',
];
const VARIABLES = ['ELECTRON_RUN_AS_NODE'];

/** The switch or variable that this start must not have, or null. `argv` without the program itself. */
export function findRefusedSwitch(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  for (const argument of argv) {
    // Chromium takes one dash as well as two, and on Windows a slash.
    const name = /^(?:--?|\/)([a-z][a-z-]*)(?:[=:].*)?$/i.exec(argument)?.[1]?.toLowerCase();
    if (name !== undefined && SWITCHES.includes(name)) return `--${name}`;
  }
  return VARIABLES.find((name) => (env[name] ?? '') !== '') ?? null;
}
