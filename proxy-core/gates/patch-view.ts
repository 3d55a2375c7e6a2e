/** Patches cut into the files they change: Codex's own format (`*** Update File:`), else unified diffs. */
export interface PatchedFile {
  readonly path: string;
  /** The whole content of a file that is added; null otherwise. */
  readonly added: string | null;
  /** This file's part of the patch, as written. */
  readonly patch: string;
  /** What a git header says of the mode (`100755`), else null. */
  readonly mode: string | null;
}

const OWN_HEADER = /^\*\*\* (Add|Update|Delete) File: (.*)$/gm;
const OWN_MOVE = /^\*\*\* Move to: (.*)$/m;
/** `diff --git` where git wrote it, else the pair of lines that names a file. */
const GIT_HEADER = /^diff --git .*$/gm;
const PLAIN_HEADER = /^--- .*\r?\n\+\+\+ .*$/gm;

/** The files of a patch in its order; empty when it is none. Every line of it stands in one of their parts. */
export function readPatch(patch: string): readonly PatchedFile[] {
  const own = cut(patch, OWN_HEADER);
  if (own.length > 0) return own.map(readOwn);
  const git = cut(patch, GIT_HEADER);
  return (git.length > 0 ? git : cut(patch, PLAIN_HEADER)).map(readUnified);
}

/** Files shown by themselves; the last one's part holds the rest of the patch. */
const FILES = 500;

/** The text from each header to the next; what comes before the first belongs to it. */
function cut(text: string, header: RegExp): readonly string[] {
  const starts: number[] = [];
  for (const { index } of text.matchAll(header)) if (starts.push(index) >= FILES) break;
  return starts.map((start, at) => text.slice(at === 0 ? 0 : start, starts[at + 1] ?? text.length));
}

function readOwn(part: string): PatchedFile {
  const header = [...part.matchAll(OWN_HEADER)][0];
  const moved = OWN_MOVE.exec(part)?.[1]?.trim();
  const path = header?.[2]?.trim() ?? '';
  const lines = header === undefined ? [] : part.slice(header.index).split('\n').slice(1);
  const content = lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
  return {
    path: moved === undefined ? path : `${path} → ${moved}`,
    added: header?.[1] === 'Add' && lines.every(isAddition) ? content.join('\n') : null,
    patch: part,
    mode: null,
  };
}

const isAddition = (line: string): boolean => line.startsWith('+') || line.trim() === '' || line.startsWith('*** End');

function readUnified(part: string): PatchedFile {
  const before = named(/^--- (.+)$/m.exec(part)?.[1]);
  const after = named(/^\+\+\+ (.+)$/m.exec(part)?.[1]);
  const git = /^diff --git (?:a\/)?(.+?) (?:b\/)?(.+?)\r?$/m.exec(part);
  const mode = /^(?:new|new file|deleted file) mode (\d{6})\r?$/m.exec(part)?.[1] ?? null;
  const from = before ?? git?.[1] ?? null;
  const to = after ?? git?.[2] ?? from;
  const path = from !== null && to !== null && from !== to ? `${from} → ${to}` : (to ?? from ?? '');
  return { path, added: null, patch: part, mode };
}

/** A path without `a/`, `b/` and what stands behind a tab; null for `/dev/null`. */
function named(written: string | undefined): string | null {
  const path = (written ?? '').split('\t')[0]?.trim() ?? '';
  return path === '' || path === '/dev/null' ? null : path.replace(/^[ab]\//, '');
}
