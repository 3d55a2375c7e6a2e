import { z } from 'zod';

/** One call read as a conversation, the same for every wire format. Texts over the preview size are cut and say so. */

const text = { text: z.string(), /** Characters that were left out. */ cut: z.int() };

export const messagePart = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), ...text }),
  z.object({ kind: z.literal('reasoning'), ...text }),
  z.object({ kind: z.literal('tool_call'), tool: z.string(), call_id: z.string().nullable(), ...text }),
  z.object({ kind: z.literal('tool_result'), call_id: z.string().nullable(), is_error: z.boolean(), ...text }),
  /** A picture given inline: its bytes as base64, empty when too large for a preview; or only its address. */
  z.object({
    kind: z.literal('image'),
    media_type: z.string().nullable(),
    data: z.string(),
    url: z.string().nullable(),
  }),
  /** Anything else, as JSON text. */
  z.object({ kind: z.literal('other'), type: z.string(), ...text }),
]);
export type MessagePart = z.infer<typeof messagePart>;

export const conversation = z.object({
  messages: z.array(
    z.object({
      role: z.string(),
      /** Request messages come before the answer. */
      side: z.enum(['request', 'response']),
      parts: z.array(messagePart),
    }),
  ),
  /** The answer's stored bytes could not be read as the wire format; the Response tab still shows them. */
  unreadable: z.boolean(),
});
export type Conversation = z.infer<typeof conversation>;
