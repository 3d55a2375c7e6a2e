import { z } from 'zod';
import type { Reply } from './client.ts';
import { FAILURES, type FailureCode, failure } from './failures.ts';

const codes = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];

const envelope = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({
    ok: z.literal(false),
    failure: z.object({
      code: z.enum(codes),
      message: z.string(),
      context: z.record(z.string(), z.unknown()),
      retryAfterSeconds: z.number().optional(),
    }),
  }),
]);

/** Read a reply that came over a transport; what is none becomes the failure `internal_error`. Never throws. */
export function parseReply(value: unknown): Reply<unknown> {
  const parsed = envelope.safeParse(value);
  if (!parsed.success) return unreadableReply();
  if (parsed.data.ok) return { ok: true, value: parsed.data.value };
  const { code, message, context, retryAfterSeconds } = parsed.data.failure;
  return { ok: false, failure: failure(code, message, context, retryAfterSeconds) };
}

/** The reply in place of an answer that is none. */
export const unreadableReply = (): Reply<never> => ({
  ok: false,
  failure: failure('internal_error', 'The core answered in a form that this console does not read.', {
    recover: 'Reload this page; if that does not help, restart Rungate.',
  }),
});

/** The reply to a call that did not reach the core, or whose answer did not arrive. */
export const unreachableReply = (): Reply<never> => ({
  ok: false,
  failure: failure('core_unreachable', 'Rungate does not answer. Is it still running?', {
    recover: 'It is tried again as soon as the connection is back.',
  }),
});
