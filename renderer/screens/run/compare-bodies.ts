import type { Reply } from '../../../proxy-core/contract/client.ts';
import { failure } from '../../../proxy-core/contract/failures.ts';
import { call } from '../../store/console.ts';
import { isEventStream } from './body-text.ts';
import { diffFields, type FieldChange } from './field-diff.ts';
import { decodeText, readBytes } from './stored-bytes.ts';

/** Bodies beyond this are not compared in the window, bytes. */
const LARGEST = 8 * 1_048_576;

export type BodySide = 'request' | 'response';

/** The fields in which one side of two calls differs. */
export async function compareBodies(a: string, b: string, side: BodySide): Promise<Reply<readonly FieldChange[]>> {
  const [before, after] = await Promise.all([readDocument(a, side), readDocument(b, side)]);
  if (!before.ok) return before;
  if (!after.ok) return after;
  return { ok: true, value: diffFields(before.value, after.value) };
}

/** A body as a document to compare: JSON parsed, a stream read as the message it amounts to, anything else as text. */
async function readDocument(exchangeId: string, side: BodySide): Promise<Reply<unknown>> {
  const reply = await readBytes(
    (offset, limit) => call('exchanges.body', { exchange_id: exchangeId, side, offset, limit }),
    null,
    LARGEST,
  );
  if (!reply.ok) return reply.failure.code === 'not_found' ? { ok: true, value: null } : reply;
  const { value: stored } = reply;
  if (!stored.whole)
    return { ok: false, failure: failure('request_too_large', 'A body is too large to be compared here.') };
  if (isEventStream(stored.contentType)) return readAnswer(exchangeId);
  const text = decodeText(stored);
  try {
    return { ok: true, value: JSON.parse(text ?? '') };
  } catch {
    return { ok: true, value: text ?? 'not text' };
  }
}

async function readAnswer(exchangeId: string): Promise<Reply<unknown>> {
  const reply = await call('exchanges.messages', { exchange_id: exchangeId });
  if (!reply.ok) return reply;
  const answer = reply.value.conversation.messages.filter(({ side }) => side === 'response');
  return { ok: true, value: answer.map(({ role, parts }) => ({ role, parts })) };
}
