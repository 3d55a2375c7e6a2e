import { z } from 'zod';

/**
 * The words operations are written in. A `query` changes nothing. Amounts going in are decimal USD, amounts coming out
 * are nano-USD fields of records.
 */
export interface Operation {
  readonly kind: 'query' | 'command';
  readonly input: z.ZodType;
  readonly output: z.ZodType;
}

export const query = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ kind: 'query', input, output }) as const;
export const command = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ kind: 'command', input, output }) as const;

/** No input. */
export const none = z.strictObject({});
/** What agents, teams and policies are called. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dot, dash and underscore, at most 64');
export const usd = z.number().min(0).max(1_000_000);
export const cursor = z.string().regex(/^\d{1,15}:./, 'a cursor that a page has returned');
export const pageLimit = z.int().min(1).max(500);
