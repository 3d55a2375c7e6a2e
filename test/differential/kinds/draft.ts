import type { Random } from '../random.ts';

/** What an answer is made of before it becomes bytes: a well-formed draft that mutations change in place. */

export type Dict = Record<string, unknown>;

/** A call that the provider means to say. */
export interface PlannedCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly args: string;
}

export interface Plan {
  readonly text: string | null;
  readonly calls: readonly PlannedCall[];
}

/** One event of a stream. `data` is written as JSON, a text as it stands. */
export interface StreamEvent {
  event: string | null;
  data: unknown;
}

/** One way in which an answer can differ from a well-formed one. */
export interface Mutation<Draft> {
  /** Its name in the counts: `chat: id changes under one index`. */
  readonly kind: string;
  /** How often it is taken beside the others (default 1). */
  readonly weight?: number;
  /** Why refusing it is no fault although no SDK holds anything: clients beside these read more in it, or it is over a bound. */
  readonly mayRefuse?: string;
  apply(draft: Draft, random: Random): void;
}

const GATED = [600, 500, 600_000];
const FREE = [10, 499, 0];

/** Arguments of a refund that the rule gates, or does not. */
export const refundArgs = (random: Random, gated: boolean): string => {
  if (gated) random.marks.add('gated');
  const amount = random.pick(gated ? GATED : FREE);
  const spaced = random.chance(0.2);
  return spaced ? `{ "order": "ord_1",\n "amount_usd" : ${amount} }` : `{"order":"ord_1","amount_usd":${amount}}`;
};

const READ_ARGS = '{"path":"notes.txt"}';

/**
 * A call at random; two in three are refunds. A file is sometimes read with a refund's arguments, which nobody minds: only a reader
 * who gives them to another call finds something to gate.
 */
export function anyCall(random: Random, id: string): PlannedCall {
  if (random.chance(0.33)) {
    return { id, name: 'read_file', args: random.chance(0.25) ? refundArgs(random, true) : READ_ARGS };
  }
  return { id, name: 'issue_refund', args: refundArgs(random, random.chance(0.5)) };
}

/** What the provider means to say. */
export function planOf(random: Random): Plan {
  const count = random.pick([0, 1, 1, 1, 1, 2, 2, 3]);
  const calls = Array.from({ length: count }, (_, i) => anyCall(random, `call_${i}`));
  return { text: count === 0 || random.chance(0.4) ? 'I will see to it.' : null, calls };
}

/** A text in pieces, in order; none is empty unless the text is. */
export function piecesOf(random: Random, text: string, most = 4): readonly string[] {
  const cuts = Array.from({ length: random.below(most) }, () => random.below(text.length + 1));
  const places = [...new Set([0, ...cuts.toSorted((a, b) => a - b), text.length])].toSorted((a, b) => a - b);
  const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
  return pieces.length === 0 ? [text] : pieces;
}

/** Put events behind another one (at the end if it is not there). */
export function insertAfter(
  events: StreamEvent[],
  after: StreamEvent | undefined,
  added: readonly StreamEvent[],
): void {
  const at = after === undefined ? -1 : events.indexOf(after);
  events.splice(at === -1 ? events.length : at + 1, 0, ...added);
}

/** A place in the list, the end included. */
export const insertAnywhere = (random: Random, events: StreamEvent[], added: StreamEvent): void =>
  void events.splice(random.below(events.length + 1), 0, added);

/** An object with the elements' positions as keys, which `value[0]` reads like a list. */
export const asObject = (list: readonly unknown[]): Dict =>
  Object.fromEntries(list.map((value, i) => [String(i), value]));

/** Values that are there and yet say nothing, or are of another type than the field's. */
export const nothing = (random: Random): unknown => random.pick([null, '', 0, false, [], {}]);

/** A JSON value copied. */
export const copy = <T>(value: T): T => structuredClone(value);
