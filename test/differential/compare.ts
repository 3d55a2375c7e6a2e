import type { Case } from './cases.ts';
import { GATED_FIELD, GATED_TOOL, standingOf } from './gated-call.ts';
import type { Delivery, GovernedCore, Received, Reviewed } from './governed-core.ts';
import type { HeldCall, ReadFormat } from './held-calls.ts';
import { type Reading, readWithSdks, type Wire } from './sdk-readers.ts';

/** One case: what the SDKs hold when they are given the bytes, and when they are behind the proxy. */

export type Danger =
  /** Some SDK holds a gated call. */
  | 'dangerous'
  /** No SDK holds a gated call for certain, but one holds a call that the rule cannot judge. */
  | 'doubtful'
  /** No SDK holds anything that the rule minds, but a gated call stands in the bytes where none of them looks. */
  | 'latent'
  /** No SDK holds anything that the rule minds, the bytes say no gated call, and one SDK at least reads them to their end. */
  | 'harmless'
  /** No SDK holds anything, and none can read the answer. */
  | 'unreadable';

/** What went wrong, in words. */
export interface Fault {
  readonly kind: 'undecided' | 'refused';
  readonly delivery: Delivery;
  readonly what: string;
}

export interface Verdict {
  readonly danger: Danger;
  /** What the SDKs read directly. */
  readonly readings: readonly Reading[];
  readonly faults: readonly Fault[];
  /** The answer was delivered as it is in both deliveries. */
  readonly passed: boolean;
}

/** How the SDKs read a case without the proxy. */
export async function readDirectly(one: Case): Promise<Pick<Verdict, 'danger' | 'readings'>> {
  const readings = await readWithSdks(one.format, one.stream, one.wire);
  return { danger: dangerOf(one, readings), readings };
}

function dangerOf(one: Case, readings: readonly Reading[]): Danger {
  const standings = new Set(readings.flatMap(({ calls }) => calls.map(standingOf)));
  if (standings.has('gated')) return 'dangerous';
  if (standings.has('unclear') || readings.some(brokeAtArguments)) return 'doubtful';
  if (readings.every(({ error }) => error !== null)) return 'unreadable';
  return one.saysGated ? 'latent' : 'harmless';
}

/** What the SDKs throw where the arguments of a call cannot be put together or parsed: it had no value that a rule could judge. */
const BROKEN_ARGUMENTS = /in JSON at position|already exists in the message chunk, but with a different type/;

const brokeAtArguments = ({ error, calls }: Reading): boolean =>
  error !== null && BROKEN_ARGUMENTS.test(error) && calls.some(({ name }) => name === GATED_TOOL);

/** Of the gated cases, which are approved instead of rejected. */
const APPROVED_OF = 2;

/** Send a case through the proxy in both deliveries and compare. */
export async function compare(core: GovernedCore, one: Case): Promise<Verdict> {
  const direct = await readDirectly(one);
  const faults: Fault[] = [];
  let passed = true;
  for (const delivery of ['retry', 'hold'] as const) {
    const seen = await (delivery === 'retry' ? askAndRetry : askAndHold)(core, one, direct.readings);
    const note = (kind: Fault['kind'], what: string): void => void faults.push({ kind, delivery, what });
    for (const what of seen.undecided) note('undecided', what);
    passed &&= seen.passed;
    if (direct.danger === 'harmless' && !seen.passed && one.mayRefuse === null) note('refused', seen.answer);
  }
  return { ...direct, faults, passed };
}

/** What one delivery came to. */
interface Seen {
  /** Gated calls that an SDK holds although nobody has seen them, in words. */
  readonly undecided: readonly string[];
  /** The SDKs get what they would have got directly. */
  readonly passed: boolean;
  /** The answer in short. */
  readonly answer: string;
}

async function askAndRetry(core: GovernedCore, one: Case, direct: readonly Reading[]): Promise<Seen> {
  const { received, gated } = await core.ask(one, { delivery: 'retry' });
  const undecided = await heldFrom(one, received, direct, [], 'answer');
  const passed = gated === null && (await isWhole(one, received, direct));
  if (gated === null) return { undecided, passed, answer: inShort(received) };
  const approves = one.index % APPROVED_OF === 0;
  await core.decide(gated.gateId, approves ? 'approve' : 'reject');
  if (approves) {
    for (const otherForm of [false, true]) {
      const again = await core.ask(one, { delivery: 'retry', otherForm });
      const form = otherForm ? { ...one, stream: !one.stream } : one;
      undecided.push(
        ...(await heldFrom(form, again.received, null, gated.proposed, otherForm ? 'other form' : 'release')),
      );
    }
  }
  return { undecided, passed, answer: inShort(received) };
}

async function askAndHold(core: GovernedCore, one: Case, direct: readonly Reading[]): Promise<Seen> {
  const verdict = one.index % APPROVED_OF === 1 ? 'approve' : 'reject';
  const { received, gated } = await core.ask(one, { delivery: 'hold', verdict });
  if (gated === null) {
    const undecided = await heldFrom(one, received, direct, [], 'answer');
    return { undecided, passed: await isWhole(one, received, direct), answer: inShort(received) };
  }
  const before = untilNote(received, gated.gateId);
  const early = before === null ? [] : await heldFrom(one, before, null, [], 'before the verdict');
  const late = await heldFrom(one, received, null, verdict === 'approve' ? gated.proposed : [], `after ${verdict}`);
  return {
    undecided: [...early, ...late],
    passed: false,
    answer: inShort(received),
  };
}

/** What had left before anybody decided: all up to the end of the note that names the gate. */
function untilNote(received: Received, gateId: string): Received | null {
  const at = received.body.indexOf(gateId);
  const end = at === -1 ? -1 : received.body.indexOf('\n\n', at);
  return end === -1 ? null : { ...received, body: received.body.subarray(0, end + 2), ended: false };
}

/** The gated calls that an SDK holds when it is given what came through the proxy, less those that a person approved. */
async function heldFrom(
  one: Case,
  received: Received,
  direct: readonly Reading[] | null,
  approved: readonly Reviewed[],
  when: string,
): Promise<string[]> {
  if (received.status !== 200) return [];
  const unchanged = direct !== null && received.body.equals(Buffer.concat(one.wire.chunks));
  const readings = unchanged ? direct : await readWithSdks(one.format, one.stream, wireOf(received));
  return [...unseen(readings, approved, when)];
}

const wireOf = ({ contentType, body }: Received): Wire => ({ contentType, chunks: body.length === 0 ? [] : [body] });

/** Gated calls that are held, and that the reviewer was not shown. */
function unseen(readings: readonly Reading[], shown: readonly Reviewed[], when: string): readonly string[] {
  return readings.flatMap(({ sdk, calls }) => {
    const open = calls.filter((call) => standingOf(call) === 'gated' && !shown.some((one) => shows(one, call)));
    return [...new Set(open.map((call) => `${call.name} ${spelled(call.args)}`))].map(
      (action) => `${when}: ${sdk} holds ${action}`,
    );
  });
}

/**
 * Whether a reviewer saw this call: under its name, with or without a server's in front; with the same arguments, or with a longer
 * text that cannot be parsed and begins with them (an SDK parses what has come so far).
 */
function shows({ tool, args }: Reviewed, call: HeldCall): boolean {
  if (tool !== call.name && !tool.endsWith(`.${call.name}`)) return false;
  if (spelled(args) === spelled(call.args)) return true;
  const amount = (value(call.args) as Readonly<Record<string, unknown>>)[GATED_FIELD];
  return typeof value(args) === 'string' && String(args).includes(String(amount));
}

/** Arguments in one spelling: two texts of the same JSON are the same. */
const spelled = (args: unknown): string => JSON.stringify(sorted(value(args)));

/** What a text says if it is JSON, twice wrapped at most, else the text. */
function value(args: unknown, depth = 0): unknown {
  if (typeof args !== 'string' || depth === 2) return args;
  try {
    return value(JSON.parse(args), depth + 1);
  } catch {
    return args;
  }
}

const sorted = (args: unknown): unknown =>
  typeof args === 'object' && args !== null && !Array.isArray(args)
    ? Object.fromEntries(Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : args;

/** What ends a stream of each format, whatever else is said. */
const END: Readonly<Record<ReadFormat, RegExp>> = {
  chat: /^data: ?\[DONE\]|"finish_reason":"\w/m,
  responses: /"type": ?"response\.(?:completed|incomplete|failed)"/,
  messages: /"type": ?"message_stop"/,
};

/**
 * Every SDK gets all that it would have got. What stands behind the end of a stream may be missing (it ends there, behaviour §6);
 * a stream that never comes to its end is the provider breaking off, and may be told as that.
 */
async function isWhole(one: Case, received: Received, direct: readonly Reading[]): Promise<boolean> {
  const sent = Buffer.concat(one.wire.chunks);
  const body = received.body.toString();
  const endless = one.stream && !END[one.format].test(sent.toString());
  if (received.status !== 200) return endless && body.includes('"upstream_unreachable"');
  if (received.body.equals(sent)) return true;
  if (endless && !received.ended) return true;
  // A sign of life may overtake what is held: as long as before, and the same to every SDK.
  const moved = one.stream && received.ended && received.body.length === sent.length;
  if (!moved && !sent.subarray(0, received.body.length).equals(received.body)) return false;
  if (!moved && one.stream && received.ended && END[one.format].test(body)) return true;
  const readings = await readWithSdks(one.format, one.stream, wireOf(received));
  return JSON.stringify(readings) === JSON.stringify(direct);
}

const inShort = ({ status, body, ended }: Received): string =>
  `${status}${ended ? '' : ' (cut)'} ${body.toString().slice(0, 240).replaceAll('\n', '⏎')}`;
