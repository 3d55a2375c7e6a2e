/**
 * Whether a name matches a glob of `models`, `tools` or `endpoints`: `*` stands for any run of characters (slashes too), every
 * other character for itself in either letter case. Backtracks to the last star only, so no glob takes exponential time.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  const glob = pattern.toLowerCase();
  const text = name.toLowerCase();
  let [g, t, star, resume] = [0, 0, -1, 0];
  while (t < text.length) {
    if (glob.charAt(g) === '*') {
      star = g++;
      resume = t;
    } else if (g < glob.length && glob.charAt(g) === text.charAt(t)) {
      g += 1;
      t += 1;
    } else if (star >= 0) {
      g = star + 1;
      t = ++resume;
    } else return false;
  }
  return /^\**$/.test(glob.slice(g));
}

/** Whether a name matches one of the globs. */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matchesGlob(pattern, name));
