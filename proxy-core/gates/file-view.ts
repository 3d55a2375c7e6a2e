import type { ActionView } from '../contract/gate-card.ts';
import { readPatch } from './patch-view.ts';
import { type Args, asArgs, textUnder, utf8Bytes } from './view-args.ts';

/**
 * File changes out of the writing tools of Claude Code (Write, Edit, MultiEdit, NotebookEdit), Codex and OpenAI
 * (apply_patch), Anthropic (str_replace_based_edit_tool) and others with the usual names. What the file holds now is
 * not known here: `before` is what the call says it replaces.
 */
export type FileChange = Extract<ActionView, { view: 'diff' }>['changes'][number];

/** What showing a file needs besides the call. */
export interface FilePorts {
  /** Lower-case hex. */
  readonly sha256Bytes: (bytes: Uint8Array) => string;
  /** Bytes of base64 text; null if it is none. */
  readonly decodeBase64: (text: string) => Uint8Array | null;
}

const PATH_KEYS = ['file_path', 'path', 'notebook_path', 'filename', 'file_name', 'file', 'target_file', 'filepath'];
const OLD_KEYS = ['old_string', 'old_str', 'old_text', 'oldText', 'search', 'old_content', 'old'];
const NEW_KEYS = ['new_string', 'new_str', 'new_text', 'newText', 'replace', 'insert_text', 'new_source', 'new'];
const CONTENT_KEYS = ['content', 'contents', 'file_text', 'text', 'new_content', 'body', 'data', 'code_edit'];
const PATCH_KEYS = ['input', 'patch', 'patch_text', 'patchText', 'diff'];
const EDIT_KEYS = ['edits', 'replacements', 'changes'];
const MODE_KEYS = ['mode', 'permissions', 'file_mode', 'chmod'];

/** The changes a call makes, in its order; null when they cannot be told, so that the arguments are shown as they are. */
export function readFileChanges(args: unknown, ports: FilePorts): readonly FileChange[] | null {
  if (typeof args === 'string') return patchChanges(args);
  const given = asArgs(args);
  if (given === null) return null;
  const operation = asArgs(given['operation']);
  if (operation !== null) return readFileChanges(operation, ports);
  const path = textUnder(given, PATH_KEYS);
  return path === null ? patchOf(given) : changesOf(path, given, ports);
}

function patchOf(args: Args): readonly FileChange[] | null {
  const patch = textUnder(args, PATCH_KEYS);
  return patch === null ? null : patchChanges(patch);
}

function patchChanges(patch: string): readonly FileChange[] | null {
  const files = readPatch(patch);
  if (files.length === 0) return null;
  return files.map(({ path, added, patch: part, mode }) => ({
    ...blank(path),
    after: added,
    patch: part,
    bytes: utf8Bytes(added ?? part),
    mode,
  }));
}

function changesOf(path: string, args: Args, ports: FilePorts): readonly FileChange[] | null {
  const edits = EDIT_KEYS.map((key) => args[key]).find(Array.isArray);
  const mode = modeOf(args);
  if (edits !== undefined) {
    const changes = edits.map((edit) => replacement(path, asArgs(edit) ?? {}, mode));
    return changes.length > 0 && changes.every((change) => change !== null) ? changes : null;
  }
  const replaced = replacement(path, args, mode);
  if (replaced !== null) return [replaced];
  const content = textUnder(args, CONTENT_KEYS);
  if (content !== null) return [written(path, content, args, mode, ports)];
  const diff = textUnder(args, PATCH_KEYS);
  return diff === null ? null : [{ ...blank(path), patch: diff, bytes: utf8Bytes(diff), mode }];
}

/** A text put in the place of another, or inserted. */
function replacement(path: string, args: Args, mode: string | null): FileChange | null {
  const before = textUnder(args, OLD_KEYS);
  const after = textUnder(args, NEW_KEYS);
  if (before === null && after === null) return null;
  return { ...blank(path), before, after: after ?? '', bytes: utf8Bytes(after ?? ''), mode };
}

function written(path: string, content: string, args: Args, mode: string | null, ports: FilePorts): FileChange {
  const bytes = encodedBytes(content, args, ports);
  const type = bytes === null ? hiddenType(content) : (typeOf(args, bytes) ?? 'application/octet-stream');
  if (type === null) return { ...blank(path), after: content, bytes: utf8Bytes(content), mode };
  const raw = bytes ?? new TextEncoder().encode(content);
  return { ...blank(path), bytes: raw.length, mode, binary: { type, sha256: ports.sha256Bytes(raw) } };
}

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w=.-]+)*;base64,/i;

/** The bytes behind content that says it is base64; null for text. */
function encodedBytes(content: string, args: Args, ports: FilePorts): Uint8Array | null {
  const prefix = DATA_URL.exec(content.slice(0, 200))?.[0];
  if (prefix !== undefined) return ports.decodeBase64(content.slice(prefix.length));
  return textUnder(args, ['encoding', 'content_encoding'])?.toLowerCase() === 'base64'
    ? ports.decodeBase64(content)
    : null;
}

/** Text with NULs is no text. */
const hiddenType = (content: string): string | null => (content.includes('\0') ? 'application/octet-stream' : null);

const MAGIC: readonly (readonly [readonly number[], string])[] = [
  [[0x89, 0x50, 0x4e, 0x47], 'image/png'],
  [[0xff, 0xd8, 0xff], 'image/jpeg'],
  [[0x47, 0x49, 0x46, 0x38], 'image/gif'],
  [[0x25, 0x50, 0x44, 0x46], 'application/pdf'],
  [[0x50, 0x4b, 0x03, 0x04], 'application/zip'],
  [[0x1f, 0x8b], 'application/gzip'],
  [[0x7f, 0x45, 0x4c, 0x46], 'application/x-elf'],
  [[0x4d, 0x5a], 'application/x-msdownload'],
  [[0x00, 0x61, 0x73, 0x6d], 'application/wasm'],
];

/** What bytes are by their first ones, else what the call calls them. What a call says of itself may be untrue. */
function typeOf(args: Args, bytes: Uint8Array): string | null {
  const magic = MAGIC.find(([start]) => start.every((byte, at) => bytes[at] === byte));
  const said = textUnder(args, ['mime_type', 'mimeType', 'media_type', 'content_type']);
  return magic?.[1] ?? (said === null || said.length > 100 ? null : said);
}

function modeOf(args: Args): string | null {
  for (const key of MODE_KEYS) {
    const mode = args[key];
    if (typeof mode === 'string' && mode !== '' && mode.length <= 40) return mode;
    if (typeof mode === 'number') return String(mode);
  }
  return null;
}

const blank = (path: string): FileChange => ({
  path,
  before: null,
  after: null,
  patch: null,
  bytes: 0,
  mode: null,
  binary: null,
});
