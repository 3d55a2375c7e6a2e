import { useCallback, useEffect, useRef, useState } from 'react';
import type { Reply } from '../../../proxy-core/contract/client.ts';
import type { Failure } from '../../../proxy-core/contract/failures.ts';

/** A part of stored bytes, as `exchanges.body` and `artifacts.body` answer it. */
interface BytesSlice {
  readonly content_type: string | null;
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
  readonly total_bytes: number;
  readonly next_offset: number | null;
}

export type ReadSlice = (offset: number, limit: number) => Promise<Reply<BytesSlice>>;

/** Stored bytes as far as they have been read. */
export interface StoredBytes {
  readonly contentType: string | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly total: number;
  readonly whole: boolean;
}

/** First look, bytes (console §2.5). */
export const PREVIEW_BYTES = 65_536;
const SLICE_BYTES = 1_048_576;

/** The bytes of a slice. */
export function sliceBytes({ encoding, content }: Pick<BytesSlice, 'encoding' | 'content'>): Uint8Array<ArrayBuffer> {
  return encoding === 'utf8'
    ? new TextEncoder().encode(content)
    : Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
}

/** Read on from what is there, up to `upTo` bytes in all. */
export async function readBytes(
  read: ReadSlice,
  before: StoredBytes | null,
  upTo: number,
): Promise<Reply<StoredBytes>> {
  const pieces = before === null ? [] : [before.bytes];
  let length = before?.bytes.length ?? 0;
  for (;;) {
    const reply = await read(length, Math.min(SLICE_BYTES, upTo - length));
    if (!reply.ok) return reply;
    const { content_type, total_bytes, next_offset } = reply.value;
    const piece = sliceBytes(reply.value);
    pieces.push(piece);
    length += piece.length;
    if (next_offset === null || length >= upTo || piece.length === 0) {
      const value = {
        contentType: content_type,
        bytes: concat(pieces, length),
        total: total_bytes,
        whole: next_offset === null,
      };
      return { ok: true, value };
    }
  }
}

function concat(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The bytes as text, or null where they are not text. A character that the end cuts in two is left out. */
export function decodeText({ bytes, whole }: Pick<StoredBytes, 'bytes' | 'whole'>): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: !whole });
  } catch {
    return null;
  }
}

/** Stored bytes: the first 64 KB at once, the rest when asked for. `key` says which bytes. */
export function useStoredBytes(key: string, read: ReadSlice) {
  const [state, setState] = useState<{ key: string; stored: StoredBytes | null; failure: Failure | null }>({
    key,
    stored: null,
    failure: null,
  });
  const [reading, setReading] = useState(false);
  const latest = useRef(key);
  latest.current = key;
  const current = state.key === key ? state : { key, stored: null, failure: null };

  const readTo = useCallback(
    async (before: StoredBytes | null, upTo: number) => {
      setReading(true);
      const reply = await readBytes(read, before, upTo);
      if (latest.current !== key) return;
      setReading(false);
      setState(
        reply.ok ? { key, stored: reply.value, failure: null } : { key, stored: before, failure: reply.failure },
      );
    },
    [key, read],
  );
  useEffect(() => void readTo(null, PREVIEW_BYTES), [readTo]);
  const readRest = useCallback(() => void readTo(current.stored, Number.POSITIVE_INFINITY), [readTo, current.stored]);
  return { stored: current.stored, failure: current.failure, reading, readRest };
}
