import type { WireFormat } from '../contract/records.ts';
import { createChatHold } from './hold-chat.ts';
import { createMessagesHold } from './hold-messages.ts';
import { createResponsesHold } from './hold-responses.ts';
import type { Hold, HoldOpening } from './hold-stream.ts';

/** Formats whose answers can hold tool calls. */
export type HoldableFormat = Exclude<WireFormat, 'embeddings' | 'completions'>;

/** A hold for one stream. */
export function createHold(format: HoldableFormat, opening: HoldOpening): Hold {
  switch (format) {
    case 'chat':
      return createChatHold(opening);
    case 'responses':
      return createResponsesHold(opening);
    case 'messages':
      return createMessagesHold(opening);
  }
}
