import type { HoldableFormat } from './hold.ts';
import { createFramer } from './sse-frames.ts';
import { chatJson, chatStream } from './transcode-chat.ts';
import { messagesJson, messagesStream } from './transcode-messages.ts';
import { responsesJson, responsesStream } from './transcode-responses.ts';

/**
 * A stored answer in its other form, because a retry may ask for JSON where the first request streamed, or the reverse
 * (Claude Code's fallback does). Values are quoted from the stored bytes, so that arguments reach the client exactly as
 * they were approved.
 */

/** A whole stored event stream as the one JSON answer that says the same. Null if it holds no complete answer. */
export function streamToJson(format: HoldableFormat, stream: Uint8Array): Uint8Array | null {
  const framer = createFramer(Number.MAX_SAFE_INTEGER);
  const whole = framer.push(stream);
  const rest = framer.end();
  const frames = rest === null ? whole : [...whole, rest];
  switch (format) {
    case 'chat':
      return chatJson(frames);
    case 'responses':
      return responsesJson(frames);
    case 'messages':
      return messagesJson(frames);
  }
}

/**
 * A whole stored JSON answer as the event stream that says the same. `asksUsage` adds chat's usage chunk. Null if the
 * body is no answer of the format.
 */
export function jsonToStream(format: HoldableFormat, body: Uint8Array, asksUsage: boolean): Uint8Array | null {
  switch (format) {
    case 'chat':
      return chatStream(body, asksUsage);
    case 'responses':
      return responsesStream(body);
    case 'messages':
      return messagesStream(body);
  }
}
