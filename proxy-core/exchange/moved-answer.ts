import type { KeptAnswer } from '../store/store.ts';
import type { Hold } from '../wire/hold-stream.ts';
import { joinBytes } from '../wire/splice.ts';
import type { Core } from './core.ts';
import { asksStructure, framesOf, holdableFormat, openHold } from './held-stream.ts';
import type { Answer } from './passage.ts';
import type { ReadRequest } from './request.ts';
import { holdsNoMore } from './transcoded.ts';

/** A stream that goes on behind what was said while it waited. */
export interface Moved {
  /** Frames that had left before the wait. */
  readonly passed: readonly Uint8Array[];
  /** Frames that waited. */
  readonly rest: readonly Uint8Array[];
  /** The stream was begun by us, so that every frame is moved. */
  readonly begun: boolean;
  /** No note is shown, only signs of life. */
  readonly silent: boolean;
}

/**
 * Whether a client makes of the moved frames no call that it does not make of the answer as it was judged. A note takes a place of its
 * own, and an opening that the client has had already is left out: where the provider's places or opening are not what they should be,
 * a piece of a call could come to stand in another call (the Anthropic SDK finds blocks by place).
 */
export function readsAlike(core: Core, request: ReadRequest, answer: KeptAnswer, moved: Moved): boolean {
  const format = holdableFormat(request);
  if (format === null) return false;
  const body = joinBytes(asSent(openHold(core, request, format), moved));
  return holdsNoMore(format, answer, { ...answer, body });
}

/** The same of a complete answer whose stream was begun by us. */
export function followsAlike(core: Core, request: ReadRequest, answer: Answer): boolean {
  const { report, beside, body } = answer;
  const calls = report === null ? (beside?.calls ?? []) : [...report.toolCalls, ...(report.otherCalls ?? [])];
  // Pieces that are no call of any client's make none in another place either.
  if (calls.length === 0) return true;
  if (body === null) return false;
  const kept = { status: answer.status, headers: answer.headers, stream: true, body: joinBytes(body) };
  const moved = { passed: [], rest: framesOf(kept), begun: true, silent: asksStructure(request) };
  return readsAlike(core, request, kept, moved);
}

/** A note like the one that is shown: what it says makes no difference. */
const NOTE = { rule: 'rule', gateId: 'gate' };

/** All that the client gets, by a hold that has sent nothing yet. */
function asSent(hold: Hold, { passed, rest, begun, silent }: Moved): readonly Uint8Array[] {
  const waiting = (): Uint8Array => (silent ? hold.keepAlive() : hold.note(NOTE));
  if (begun) return [waiting(), ...passed.map(hold.release), hold.keepAlive(), ...rest.map(hold.release)];
  for (const frame of passed) hold.sent(frame);
  return [...passed, waiting(), ...rest.map(hold.release)];
}

/** What ends a held stream whose approved answer cannot follow it. */
export const CANNOT_FOLLOW =
  '[Rungate] Approved, but the answer cannot follow what this stream has been sent: a client could read other calls in it. Send the same request again to get it.';
