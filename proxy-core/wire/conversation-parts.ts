import type { Conversation, MessagePart } from '../contract/conversation.ts';
import { filledText, type JsonRecord, list, record, recordOrNull, textOrNull } from './loose-json.ts';

/** The parts of messages, the same for every wire format: content blocks are told by their type. */

export type Message = Conversation['messages'][number];

/** How much of a conversation is shown, in characters. */
export interface PreviewLimits {
  /** Of one part's text. */
  readonly part: number;
  /** Of one picture's base64; a longer one is left out. */
  readonly image: number;
  /** Of everything together. */
  readonly total: number;
}

export const PREVIEW_LIMITS: PreviewLimits = { part: 65_536, image: 1_500_000, total: 16_000_000 };

/** What may still be shown. */
export interface Preview {
  cut(text: string): { readonly text: string; readonly cut: number };
  /** The base64 of a picture, empty when it is too large. */
  picture(data: string): string;
}

export function createPreview(limits: PreviewLimits = PREVIEW_LIMITS): Preview {
  let left = limits.total;
  return {
    cut(text) {
      const shown = startOf(text, Math.min(limits.part, left));
      left -= shown.length;
      return { text: shown, cut: text.length - shown.length };
    },
    picture(data) {
      if (data.length > Math.min(limits.image, left)) return '';
      left -= data.length;
      return data;
    },
  };
}

/** The first characters of a text, at most so many; a pair of surrogates is never parted. */
export function startOf(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? Math.max(0, most - 1) : most);
}

/** A part of text; none of an empty one. */
export const textParts = (preview: Preview, kind: 'text' | 'reasoning', text: unknown): readonly MessagePart[] =>
  typeof text === 'string' && text !== '' ? [{ kind, ...preview.cut(text) }] : [];

/** A tool call, its arguments as text. */
export const callPart = (preview: Preview, tool: string, callId: unknown, args: unknown): MessagePart => ({
  kind: 'tool_call',
  tool,
  call_id: filledText(callId),
  ...preview.cut(textOf(args)),
});

/** What a tool answered: its text as one part, its pictures as parts of their own. */
export function resultParts(
  preview: Preview,
  result: { readonly callId: unknown; readonly isError: boolean; readonly output: unknown },
): readonly MessagePart[] {
  const { text, pictures } = readOutput(result.output);
  const callId = filledText(result.callId);
  return [
    { kind: 'tool_result', call_id: callId, is_error: result.isError, ...preview.cut(text) },
    ...pictures.map((picture) => picturePart(preview, picture)),
  ];
}

/** Anything else, as JSON text. */
export const otherPart = (preview: Preview, type: string, value: unknown): MessagePart => ({
  kind: 'other',
  type,
  ...preview.cut(textOf(value)),
});

/** The value if it is a text, else its JSON, numbers as JavaScript reads them: the exact text is in the stored bytes. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);

/** A message's content: a text, or a list of blocks. */
export function contentParts(preview: Preview, content: unknown): readonly MessagePart[] {
  if (typeof content === 'string') return textParts(preview, 'text', content);
  const blocks = recordOrNull(content) === null ? list(content) : [content];
  return blocks.flatMap((block) =>
    typeof block === 'string' ? textParts(preview, 'text', block) : blockParts(preview, record(block)),
  );
}

const TEXTS: ReadonlySet<string> = new Set(['text', 'input_text', 'output_text']);
const REASONING: ReadonlySet<string> = new Set(['thinking', 'reasoning', 'reasoning_text', 'summary_text']);

function blockParts(preview: Preview, block: JsonRecord): readonly MessagePart[] {
  const type = filledText(block['type']) ?? 'unknown';
  if (TEXTS.has(type)) return textParts(preview, 'text', block['text']);
  if (type === 'refusal') return textParts(preview, 'text', block['refusal']);
  if (REASONING.has(type)) return textParts(preview, 'reasoning', block['thinking'] ?? block['text']);
  if (type.endsWith('_use')) return [callPart(preview, callName(block), block['id'], block['input'])];
  if (type.endsWith('tool_result')) {
    const isError = block['is_error'] === true;
    return resultParts(preview, { callId: block['tool_use_id'], isError, output: block['content'] });
  }
  const picture = pictureOf(block);
  return picture === null ? [otherPart(preview, type, block)] : [picturePart(preview, picture)];
}

const callName = (block: JsonRecord): string => {
  const server = filledText(block['server_name']) ?? filledText(block['toolset_name']);
  const name = filledText(block['name']) ?? '';
  return server === null ? name : `${server}.${name}`;
};

/** A picture that a body holds or points to. */
export interface Picture {
  readonly mediaType: string | null;
  /** Base64, null when only the address is known. */
  readonly data: string | null;
  readonly url: string | null;
}

/** The picture in a content block of any format, or null if it is none. */
export function pictureOf(block: JsonRecord): Picture | null {
  switch (block['type']) {
    case 'image_url':
      return fromUrl(filledText(record(block['image_url'])['url']) ?? filledText(block['image_url']));
    case 'input_image':
    case 'computer_screenshot':
      return fromUrl(filledText(block['image_url']) ?? filledText(block['file_id']));
    case 'image': {
      const source = recordOrNull(block['source']) ?? block;
      const data = textOrNull(source['data']);
      if (data === null) return fromUrl(filledText(source['url']) ?? filledText(source['file_id']));
      return { mediaType: filledText(source['media_type']) ?? filledText(source['mimeType']), data, url: null };
    }
    default:
      return null;
  }
}

const DATA_URL = /^data:([^;,]*)(?:;[^,]*)?;base64,/;

function fromUrl(url: string | null): Picture {
  const head = url === null ? null : DATA_URL.exec(url.slice(0, 256));
  if (url === null || head === null) return { mediaType: null, data: null, url };
  return { mediaType: head[1] || null, data: url.slice(head[0].length), url: null };
}

const picturePart = (preview: Preview, { mediaType, data, url }: Picture): MessagePart => ({
  kind: 'image',
  media_type: mediaType,
  data: data === null ? '' : preview.picture(data),
  url,
});

/** What a tool answered, in whichever form a client sends it back. */
export interface ToolOutput {
  /** Its texts, one below the other; what is neither text nor picture as JSON. */
  readonly text: string;
  readonly pictures: readonly Picture[];
}

/** Read the content of a tool's result. */
export function readOutput(output: unknown): ToolOutput {
  if (typeof output === 'string') return { text: output, pictures: [] };
  const single = recordOrNull(output);
  const blocks = single === null ? list(output) : [single];
  const texts: string[] = [];
  const pictures: Picture[] = [];
  for (const value of blocks) {
    const block = record(value);
    const picture = pictureOf(block);
    if (picture !== null) pictures.push(picture);
    else texts.push(textOrNull(block['text']) ?? textOf(value));
  }
  return { text: texts.join('\n'), pictures };
}
