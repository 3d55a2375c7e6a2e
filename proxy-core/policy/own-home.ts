import type { OwnPlaces } from './own-places.ts';
import { canBe, expandBraces, findParts, type PlainPath, plainPath } from './plain-paths.ts';

/** Which paths lead into Rungate's own folders (home, socket, anchors), wherever they are mounted. */

const HOMES: readonly (readonly string[])[] = [
  ['.local', 'share', 'rungate'],
  ['.local', 'state', 'rungate'],
  ['.config', 'rungate'],
  ['library', 'application support', 'rungate'],
  ['library', 'application support', 'rungate anchors'],
  ['appdata', 'roaming', 'rungate'],
  ['appdata', 'local', 'rungate'],
  ['appdata', 'local', 'rungate anchors'],
  ['~', '.rungate'],
];
/** Files that are named so nowhere else. */
const FILES = /^rungate\.(db|sock)(-\w+)?$/;
/** Folders above a home of which a copy, an archive or a deletion takes it along. */
const ABOVE: readonly (readonly string[])[] = [
  ['.local', 'share'],
  ['.local', 'state'],
  ['.local'],
  ['library', 'application support'],
  ['appdata', 'roaming'],
];

/** Whether a path leads to one of Rungate's own folders or files. */
export function reachesHome(text: string, own: OwnPlaces): boolean {
  return spelt(text).some((path) => isOwn(path, own));
}

/** Whether a path is a folder that holds one of Rungate's own. */
export function holdsHome(text: string, own: OwnPlaces): boolean {
  return spelt(text).some((path) => {
    const { parts } = path;
    const trimmed = parts.at(-1) === '*' ? { ...path, parts: parts.slice(0, -1) } : path;
    const usual = ABOVE.some((names) => endsWith(trimmed, names));
    return usual || (own.home !== null && isAbove(trimmed, plainPath(own.home)));
  });
}

/** A path by itself, and what follows an option's sign or a host's colon. */
function spelt(text: string): readonly PlainPath[] {
  if (!MAY_LEAD.test(text)) return [];
  const pieces = text.length > 512 ? [] : text.split(/[=:@,;]|^-[A-Za-z]/).filter((piece) => piece.length > 3);
  return [text, ...pieces].flatMap(expandBraces).map(plainPath);
}
/** Only what can hold more than a plain word is worth the reading. */
const MAY_LEAD = /[/\\~$%*?]|rungate/i;

function isOwn(path: PlainPath, own: OwnPlaces): boolean {
  const { parts, rooted } = path;
  if (HOMES.some((names) => findParts(path, names) >= 0)) return true;
  if (parts.some((part) => FILES.test(part) || /^rungate-[\da-f]{16}$/.test(part))) return true;
  if (/^tmp$|^pipe$/.test(parts[0] ?? '') && (parts[1] ?? '').startsWith('rungate-')) return true;
  if (own.home === null || !rooted) return false;
  const home = plainPath(own.home).parts;
  return home.length <= parts.length && home.every((name, index) => canBe(parts[index] ?? '', name));
}

const endsWith = ({ parts }: PlainPath, names: readonly string[]): boolean =>
  parts.length >= names.length && names.every((name, index) => parts[parts.length - names.length + index] === name);

/** Right above: what holds the whole disk is told by other rules. */
const isAbove = ({ parts, rooted }: PlainPath, home: PlainPath): boolean =>
  rooted &&
  parts.length === home.parts.length - 1 &&
  parts.every((part, index) => canBe(part, home.parts[index] ?? ''));
