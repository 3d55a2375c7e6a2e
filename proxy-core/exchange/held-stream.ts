import type { GateRecord } from '../contract/records.ts';
import { stateAt } from '../gates/states.ts';
import type { KeptAnswer } from '../store/store.ts';
import { createHold, type HoldableFormat } from '../wire/hold.ts';
import type { Hold } from '../wire/hold-stream.ts';
import { createFramer } from '../wire/sse-frames.ts';
import type { Core } from './core.ts';
import { makeId } from './make-id.ts';
import type { AgentReply } from './reply.ts';
import type { ReadRequest } from './request.ts';

/**
 * A stream that is held open while a person decides: one visible note, then content-level keep-alives, because
 * comments and pings alone let several clients give up after 300 s (measured).
 */
export const KEEP_ALIVE_MS = 15_000;

/** The format of a request whose stream can be held, or null. */
export function holdableFormat(request: ReadRequest): HoldableFormat | null {
  const { endpoint } = request;
  if (endpoint.kind !== 'model') return null;
  return endpoint.format === 'embeddings' || endpoint.format === 'completions' ? null : endpoint.format;
}

/** A hold for one stream of this request. */
export function openHold(core: Core, request: ReadRequest, format: HoldableFormat): Hold {
  return createHold(format, {
    model: request.facts?.model ?? '',
    word: makeId('msg', core),
    createdSeconds: Math.floor(core.clock.now() / 1000),
    choices: request.facts?.choices ?? 1,
    asksUsage: request.facts?.asksUsage ?? false,
  });
}

/** A client that asked for structured output parses the text: a note would break it, empty keep-alives do not. */
export const asksStructure = (request: ReadRequest): boolean => request.facts?.structuredOutput === true;

/**
 * Show the note and keep the stream alive until agents see a verdict; false when the agent has gone before. `silent`: no
 * note, because one has been shown in this stream already or would break the answer.
 */
export async function holdStream(
  core: Core,
  gate: GateRecord,
  hold: Hold,
  silent: boolean,
  reply: AgentReply,
): Promise<boolean> {
  reply.write(silent ? hold.keepAlive() : hold.note({ rule: gate.rule, gateId: gate.gate_id }));
  const beat = setInterval(() => reply.write(hold.keepAlive()), KEEP_ALIVE_MS);
  const left = new AbortController();
  reply.onGone(() => left.abort());
  // A shutdown cuts the stream: a clean end would be taken for a complete answer.
  const leave = core.inFlight.enter({
    agentId: null,
    runId: gate.run_id,
    abort: () => {
      left.abort();
      reply.cut(null);
    },
  });
  try {
    await core.gates.whenSettled(gate.gate_id, left.signal);
  } finally {
    clearInterval(beat);
    leave();
  }
  return !reply.gone;
}

/** What ends a held stream when the action is not approved, in words for the agent and its person. */
export function verdictText(core: Core, gate: GateRecord): string {
  switch (stateAt(gate, core.clock.now())) {
    case 'rejected': {
      const reason =
        gate.reason === null || gate.reason === '' ? '' : ` Reason: ${gate.reason.replace(/[.!?\s]*$/, '.')}`;
      const suggestion =
        gate.suggested_args === null || gate.suggested_args === undefined
          ? ''
          : ` Suggested instead: ${JSON.stringify(gate.suggested_args)}`;
      return `[Rungate] Rejected by ${gate.decided_by ?? 'a reviewer'} (rule ${gate.rule}).${reason}${suggestion} Do not try the same action in another form.`;
    }
    case 'expired':
      return `[Rungate] Nobody decided in time (rule ${gate.rule}); the action was not carried out.`;
    case 'cancelled':
    case 'approved':
    case 'pending':
      return `[Rungate] The approval was cancelled (rule ${gate.rule}); the action was not carried out.`;
  }
}

/** A kept stream cut into whole frames. */
export function framesOf(answer: KeptAnswer): readonly Uint8Array[] {
  const framer = createFramer();
  const frames = [...framer.push(answer.body)];
  const last = framer.end();
  return last === null ? frames : [...frames, last];
}
