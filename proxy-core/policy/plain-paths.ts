/**
 * Paths in one spelling, so that a place is known however it is written: `.`, `..`, doubled and backward slashes resolved, the user's
 * folder as `~`, letters small, what stands in front of a root (`/proc/self/root`) dropped. Globs stay and are compared as such.
 */

/** A path's parts; `..` only in front. */
export interface PlainPath {
  /** It begins at a root or at `~`. */
  readonly rooted: boolean;
  readonly parts: readonly string[];
}

const LONGEST = 4_096;
const BRACES = 16;
/** Variables of Windows and their like, as far as they lead to a user's own folders. */
const FOLDERS: readonly (readonly [RegExp, string])[] = [
  [/%localappdata%|\$\{?env:localappdata\}?/g, '~/appdata/local'],
  [/%appdata%|\$\{?env:appdata\}?/g, '~/appdata/roaming'],
  [/%(userprofile|home|homepath)%|\$\{?env:(userprofile|home)\}?/g, '~'],
  [/%rungate_home%|\$\{?(env:)?rungate_home\b\}?/g, '~/.local/share/rungate'],
  [/\$\{?xdg_(data|state|config)_home\b\}?/g, '~/.local/share'],
  [/\$\{?home\b\}?/g, '~'],
];

/** Read one path. Text that is none gives parts that match nothing. */
export function plainPath(text: string): PlainPath {
  let plain = text.slice(0, LONGEST).trim().toLowerCase().replaceAll('\\', '/');
  if (plain.startsWith('file:')) {
    plain = plain
      .replace(/^file:(\/\/(localhost)?(?=\/))?/, '')
      .replace(/[?#].*$/, '')
      .replace(/%([\da-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)).toLowerCase());
  }
  if (/[%$]/.test(plain)) for (const [shape, folder] of FOLDERS) plain = plain.replace(shape, folder);
  plain = plain.replace(/^\/\/[?.]\/(?!pipe)/, '');
  const rooted = /^(\/|~|[a-z]:)/.test(plain);
  return { rooted, parts: withoutRoots(resolve(plain.split('/'), rooted)) };
}

function resolve(parts: readonly string[], rooted: boolean): readonly string[] {
  const kept: string[] = [];
  for (const part of parts) {
    if (part === '' || part === '.') continue;
    if (part === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (part !== '..' || !rooted) kept.push(part);
  }
  return kept;
}

/** Without what leads to the same root again, and with the user's folder as `~`. */
function withoutRoots(parts: readonly string[]): readonly string[] {
  const [first = '', second = '', third = ''] = parts;
  if (first === 'proc' && third === 'root') return withoutRoots(parts.slice(3));
  if (first === 'private' || (first === 'system' && second === 'volumes')) {
    return withoutRoots(parts.slice(first === 'private' ? 1 : 3));
  }
  if (/^[a-z]:$/.test(first)) return withoutRoots(parts.slice(1));
  if ((first === 'home' || first === 'users') && second !== '') return ['~', ...parts.slice(2)];
  if (first === 'root' || /^~[\w-]+$/.test(first)) return ['~', ...parts.slice(1)];
  return parts;
}

/** A path that stands in a folder. */
export const inFolder = (folder: string, path: string): string =>
  folder === '' || /^(\/|~|\\|[A-Za-z]:)/.test(path) ? path : `${folder}/${path}`;

/** `{a,b}` written out; what would be more than 16 words stays as it is. */
export function expandBraces(text: string): readonly string[] {
  let words = [text];
  for (let round = 0; round < 4; round += 1) {
    const next = words.flatMap((word) => {
      const found = /\{([^{}]*,[^{}]*)\}/.exec(word);
      if (found === null) return [word];
      const before = word.slice(0, found.index);
      const after = word.slice(found.index + found[0].length);
      return (found[1] ?? '').split(',').map((one) => before + one + after);
    });
    if (next.length > BRACES) return words;
    if (next.length === words.length) return next;
    words = next;
  }
  return words;
}

/** Whether a part, perhaps a glob, can be this name. `[…]` stands for any one letter. */
export function canBe(part: string, name: string): boolean {
  if (!/[*?[]/.test(part)) return part === name;
  const glob = part.replace(/\[[^\]]*\]/g, '?').slice(0, 256);
  let at = 0;
  let star = -1;
  let mark = 0;
  for (let index = 0; index < name.length; ) {
    if (glob[at] === '*') {
      star = at;
      mark = index;
      at += 1;
    } else if (glob[at] === '?' || (at < glob.length && glob[at] === name[index])) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      at = star + 1;
      mark += 1;
      index = mark;
    } else return false;
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}

/** A part that any name fits. */
const isOpen = (part: string): boolean => /[*?[]/.test(part) && part.replace(/\[[^\]]*\]|[*?]/g, '') === '';

/** Where a sequence of names stands in a path, or -1; at most one of the parts may be one that any name fits. */
export function findParts({ rooted, parts }: PlainPath, names: readonly string[]): number {
  for (let start = 0; start + names.length <= parts.length; start += 1) {
    const found = parts.slice(start, start + names.length);
    if (!found.every((part, index) => canBe(part, names[index] ?? ''))) continue;
    const open = found.filter(isOpen).length;
    const last = found.at(-1) ?? '';
    const anchored = rooted && start <= 1;
    if (open === 0 || (open === 1 && (anchored || !isOpen(last))) || (anchored && !isOpen(last))) return start;
  }
  return -1;
}
