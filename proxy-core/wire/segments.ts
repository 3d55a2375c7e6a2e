import { type Member, type Span, scanJson } from './json-scan.ts';

/** Members whose elements repeat from turn to turn of a conversation. */
const CONVERSATION_KEYS: ReadonlySet<string> = new Set(['messages', 'input', 'tools', 'system', 'functions', 'output']);

/** Shorter elements are stored together with the following ones. */
const MIN_SEGMENT_BYTES = 256;

/**
 * Cut a body where the elements of its conversation end, so that two turns share all but their newest segments. The
 * segments joined are exactly the body. A body that cannot be scanned is one segment; an empty one has none. Groups
 * of short elements are formed from the front of each array, so a longer conversation keeps the earlier cuts.
 */
export function segments(bytes: Uint8Array, minBytes: number = MIN_SEGMENT_BYTES): readonly Span[] {
  if (bytes.length === 0) return [];
  const scan = scanJson(bytes);
  const cuts = scan.kind === 'scanned' ? scan.members.flatMap((member) => cutsOf(member, minBytes)) : [];
  const spans: Span[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut > from) spans.push([from, cut]);
    from = Math.max(from, cut);
  }
  return spans;
}

/** Before the first element, then after each element that completes a group; a separator belongs to what follows it. */
function cutsOf(member: Member, minBytes: number): readonly number[] {
  if (member.elements === null || !CONVERSATION_KEYS.has(member.key)) return [];
  const cuts: number[] = [];
  let from = member.elements[0]?.[0];
  if (from === undefined) return [];
  cuts.push(from);
  for (const [, end] of member.elements) {
    if (end - from < minBytes) continue;
    cuts.push(end);
    from = end;
  }
  return cuts;
}
