import type { Note } from './hold-note.ts';

/**
 * Holding a stream open while a person decides (behaviour §6): one visible note, content-level keep-alives that every
 * measured client accepts (`clients.md` §3), and then either the upstream's own frames, their positions shifted behind
 * the note, or a native refusal with a normal end.
 *
 * Order: `sent` for every frame that goes out as it is; then `note`, any number of `keepAlive`; then `release` for
 * every held and later frame, or one `reject`. Both also work without a note.
 */
export interface Hold {
  /** A whole frame has gone to the client unchanged. */
  sent(frame: Uint8Array): void;
  /** The note's frames, after what opens an answer if nothing has gone out yet. At most once. */
  note(note: Note): Uint8Array;
  /** One frame that changes nothing and counts as content. */
  keepAlive(): Uint8Array;
  /** What to send for one upstream frame; empty where the client has already been told the same. */
  release(frame: Uint8Array): Uint8Array;
  /** The end of the answer with `text` instead of what is held. The provider's usage is taken from the held frames. */
  reject(text: string, held: readonly Uint8Array[]): Uint8Array;
  /** The id the client was told if that is not the upstream's own: later references to it mean the other. */
  readonly alias: { readonly told: string; readonly upstream: string } | null;
}

/** What a hold needs where nothing of the upstream's answer has been seen. */
export interface HoldOpening {
  /** The model the request names. */
  readonly model: string;
  /** A unique word of ours for made-up ids: letters, digits, `_` and `-`. */
  readonly word: string;
  /** Epoch seconds, for formats that state when an answer was created. */
  readonly createdSeconds: number;
  /** Choices asked for (chat `n`). */
  readonly choices: number;
  /** Whether the client asked for chat's usage chunk. */
  readonly asksUsage: boolean;
}
