/** Words and paths as a shell reads them: a POSIX shell, and on Windows cmd. */

/** One word for a POSIX shell. */
export const quoteForShell = (text: string): string =>
  text.includes("'") && !/["$`\\!]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", `'\\''`)}'`;

/** One word for cmd, which reads `"` alone as a quote. */
export const quoteForCmd = (text: string): string => `"${text.replaceAll('"', '\\"')}"`;

/** A path as one word, bare where no shell would touch it. On Windows it reads the same in cmd and in PowerShell. */
export function quotePath(path: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') return /^[\w.:\\/-]+$/.test(path) ? path : `"${path}"`;
  return /^[\w./+-]+$/.test(path) ? path : quoteForShell(path);
}
