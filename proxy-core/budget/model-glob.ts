/**
 * Whether a model name matches a glob: `*` stands for any run of characters (slashes too), `?` for one. Letter case
 * does not count, as providers ignore it. Backtracks to the last star only, so no pattern takes exponential time.
 */
export function matchesModel(pattern: string, model: string): boolean {
  const glob = pattern.toLowerCase();
  const text = model.toLowerCase();
  let [g, t, star, resume] = [0, 0, -1, 0];
  while (t < text.length) {
    const token = glob.charAt(g);
    if (token === '*') {
      star = g++;
      resume = t;
    } else if (token !== '' && (token === '?' || token === text.charAt(t))) {
      g += 1;
      t += 1;
    } else if (star >= 0) {
      g = star + 1;
      t = ++resume;
    } else return false;
  }
  return /^\**$/.test(glob.slice(g));
}

/** Whether a name is a glob rather than one model's name. */
export const isGlob = (pattern: string): boolean => /[*?]/.test(pattern);
