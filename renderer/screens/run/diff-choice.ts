import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';

/** What a call can be compared with. */
export interface OfferedCalls {
  readonly title: string;
  readonly calls: readonly ExchangeRecord[];
}

/** Other calls offered on either side. */
const NEAR = 50;

/** The first call of the chain of resends that a call belongs to. */
function chainOf(call: ExchangeRecord, byId: ReadonlyMap<string, ExchangeRecord>): string {
  const seen = new Set<string>();
  let at = call;
  for (let before = at; at.retry_of !== null && !seen.has(at.exchange_id); at = before) {
    seen.add(at.exchange_id);
    const next = byId.get(at.retry_of);
    if (next === undefined) return at.retry_of;
    before = next;
  }
  return at.exchange_id;
}

/** Resends of the same call first, then the calls nearest to it. */
export function offeredCalls(call: ExchangeRecord, all: readonly ExchangeRecord[]): readonly OfferedCalls[] {
  const byId = new Map(all.map((each) => [each.exchange_id, each]));
  const chain = chainOf(call, byId);
  const retries = all.filter(
    (each) => each !== call && each.exchange_id !== call.exchange_id && chainOf(each, byId) === chain,
  );
  const at = all.findIndex(({ exchange_id }) => exchange_id === call.exchange_id);
  const near = all
    .slice(Math.max(0, at - NEAR), at + NEAR + 1)
    .filter((each) => each.exchange_id !== call.exchange_id && !retries.includes(each));
  return [
    { title: 'The same call, sent again', calls: retries },
    { title: 'Other calls', calls: near },
  ].filter(({ calls }) => calls.length > 0);
}

/** What a call is compared with at first: what it repeats, what repeats it, or the call before it at the same path. */
export function counterpartOf(call: ExchangeRecord, all: readonly ExchangeRecord[]): ExchangeRecord | null {
  const others = all.filter(({ exchange_id }) => exchange_id !== call.exchange_id);
  return (
    others.find(({ exchange_id }) => exchange_id === call.retry_of) ??
    others.find(({ retry_of }) => retry_of === call.exchange_id) ??
    others.findLast(({ step, path }) => step < call.step && path === call.path) ??
    others.at(0) ??
    null
  );
}
