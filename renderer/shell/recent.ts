/** The commands chosen in the palette, latest first; kept in this browser only. */
const KEY = 'rungate.recent';
const KEPT = 8;

export function findRecent(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(stored) ? stored.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

export const noteRecent = (name: string): void =>
  localStorage.setItem(KEY, JSON.stringify([name, ...findRecent().filter((other) => other !== name)].slice(0, KEPT)));
