import type { Conversation } from '../contract/conversation.ts';
import type { WireFormat } from '../contract/records.ts';
import { answerMessages, joinStream, parseObject } from './conversation-answers.ts';
import { createPreview, PREVIEW_LIMITS, type PreviewLimits } from './conversation-parts.ts';
import { requestMessages } from './conversation-requests.ts';

/** The stored bytes of one call; null for a side that is not stored. */
export interface CallBytes {
  readonly format: WireFormat;
  readonly request: Uint8Array | null;
  readonly response: Uint8Array | null;
  /** The answer is an event stream. */
  readonly stream: boolean;
}

/**
 * Read a call as a conversation: what was sent, oldest first, then what was answered. Never throws: bytes that cannot
 * be read leave their side empty, and for the answer `unreadable` says so.
 */
export function readConversation(call: CallBytes, limits: PreviewLimits = PREVIEW_LIMITS): Conversation {
  const preview = createPreview(limits);
  const asked = call.request === null ? null : parseObject(decoder.decode(call.request));
  const answered = call.response === null || call.response.length === 0 ? null : answerOf(call, call.response);
  // The answer is what a person looks for, so it is shown first when a long conversation uses up what may be shown.
  const response = answered === null ? null : answerMessages(call.format, answered, preview);
  const request = asked === null ? [] : requestMessages(call.format, asked, preview);
  return {
    messages: [
      ...request.map((message) => ({ ...message, side: 'request' as const })),
      ...(response ?? []).map((message) => ({ ...message, side: 'response' as const })),
    ],
    unreadable: call.response !== null && call.response.length > 0 && response === null,
  };
}

const decoder = new TextDecoder();

function answerOf({ format, stream }: CallBytes, bytes: Uint8Array) {
  return stream ? joinStream(format, bytes) : parseObject(decoder.decode(bytes));
}
