import type { CommandLine } from 'electron';

/** `app.commandLine` over what the app was started with; switches added later are only remembered. */
export function createCommandLine(argv: readonly string[]) {
  const switches = new Map<string, string>();
  for (const argument of argv) {
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(argument);
    if (match?.[1] !== undefined) switches.set(match[1], match[2] ?? '');
  }
  return {
    hasSwitch: (name) => switches.has(name),
    getSwitchValue: (name) => switches.get(name) ?? '',
    appendSwitch: (name, value = '') => void switches.set(name, value),
    appendArgument: () => undefined,
    removeSwitch: (name) => void switches.delete(name),
  } satisfies CommandLine;
}
