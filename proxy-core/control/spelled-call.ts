import { spellFailure } from '../contract/program.ts';
import type { Call } from './call.ts';

/** The same operations, with commands in their refusals spelled for people: `name` is how this program is called. */
export const spellRefusals =
  (call: Call, name: string): Call =>
  async (operation, input, by) => {
    const reply = await call(operation, input, by);
    return reply.ok ? reply : { ok: false, failure: spellFailure(reply.failure, name) };
  };
