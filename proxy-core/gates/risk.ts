import { commandRisks, isCompound, pathRisks, sqlRisks } from './action-risks.ts';
import type { RiskAction, RiskReading, RiskReason } from './risk-facts.ts';
import { amountRisk, hiddenRisk, secretRisk } from './text-risks.ts';
import { textsOf } from './texts.ts';

/**
 * How dangerous proposed calls look: local, deterministic, the same for every channel. It never decides anything; it
 * says what to look at, and what may not be remembered. Whatever of the call it repeats has passed through `visible`
 * (fault E10).
 */
export type RiskLevel = 'critical' | 'high' | 'normal';

/** A proposed call with the actions it was read as. */
export interface RiskCall {
  readonly tool: string;
  /** As the gate proposes them: a JSON value, or text. */
  readonly args: unknown;
  readonly actions: readonly RiskAction[];
}

/** What is known besides the calls. Null: not known, or no limit set. */
export interface RiskSetting {
  /** The agent's working directory, absolute. */
  readonly cwd: string | null;
  /** Amounts above this are named; in the unit of the arguments. */
  readonly amountLimit: number | null;
  /** Hosts this agent has addressed before, in lower case. */
  readonly knownHosts: ReadonlySet<string> | null;
  /** Hidden characters as `\u{…}`, newline and tab as `\n` and `\t`. */
  visible(text: string): string;
}

export interface Risk {
  readonly level: RiskLevel;
  /** Worst first; each code once. */
  readonly reasons: readonly RiskReason[];
  /** Facts that were missing, by name: shown as "unknown". */
  readonly unknown: readonly string[];
  /** A call runs more than one command, or calls several tools. */
  readonly compound: boolean;
  /** Why no grant may be given for these calls, or null. */
  readonly notGrantable: 'critical' | 'compound' | 'unreadable' | null;
}

/** Assess all calls of one gate together. */
export function assessRisk(calls: readonly RiskCall[], setting: RiskSetting): Risk {
  const parts = calls.map((call) => assessCall(call, setting));
  const reasons = worstFirst(parts.flatMap((part) => part.reasons));
  const unknown = [...new Set(parts.flatMap((part) => part.unknown))];
  const compound = parts.some((part) => part.compound);
  const level = reasons[0]?.level ?? 'normal';
  const unreadable = reasons.some(({ code }) => code === 'unreadable');
  const notGrantable = level === 'critical' ? 'critical' : compound ? 'compound' : unreadable ? 'unreadable' : null;
  return { level, reasons, unknown, compound, notGrantable };
}

interface CallRisk {
  readonly reasons: readonly RiskReason[];
  readonly unknown: readonly string[];
  readonly compound: boolean;
}

function assessCall(call: RiskCall, setting: RiskSetting): CallRisk {
  const show = (text: string): string => excerpt(text, setting.visible);
  const { texts, scalars, whole } = textsOf(call.args);
  const readings = call.actions.flat();
  const compound = isCompound(call.actions);
  const reasons = [
    ...call.actions.flatMap((action) => commandRisks(action, show)),
    ...readings.flatMap((reading) => sqlRisks(reading, show)),
    ...readings.flatMap((reading) => pathRisks(reading, setting.cwd, show)),
    ...readings.flatMap((reading) => hostRisks(reading, setting.knownHosts, show)),
    ...secretRisk(texts),
    ...hiddenRisk(call.tool, texts, setting.visible),
    ...amountRisk(scalars, setting.amountLimit, show),
    ...unreadableRisks(readings, show),
    ...(whole ? [] : [TOO_LONG]),
    ...(compound ? [COMPOUND] : []),
  ];
  return { reasons, compound, unknown: missingFacts(readings, setting) };
}

const TOO_LONG: RiskReason = {
  code: 'too_long',
  level: 'high',
  text: 'Too long to be judged whole; look at all of it',
};
const COMPOUND: RiskReason = { code: 'compound', level: 'high', text: 'Runs more than one command' };

const EXCERPT = 120;
const excerpt = (text: string, visible: (text: string) => string): string =>
  text.length <= EXCERPT
    ? visible(text)
    : `${visible(text.slice(0, EXCERPT))}… (${text.length - EXCERPT} more characters)`;

function worstFirst(reasons: readonly RiskReason[]): readonly RiskReason[] {
  const byCode = new Map<string, RiskReason>();
  for (const reason of reasons) {
    const known = byCode.get(reason.code);
    if (known === undefined || (known.level === 'high' && reason.level === 'critical')) byCode.set(reason.code, reason);
  }
  const all = [...byCode.values()];
  return [...all.filter(({ level }) => level === 'critical'), ...all.filter(({ level }) => level === 'high')];
}

function unreadableRisks(readings: readonly RiskReading[], show: (text: string) => string): readonly RiskReason[] {
  for (const { kind, command, path, url } of readings)
    for (const fact of [kind, command, path, url])
      if (fact.kind === 'unknown')
        return [{ code: 'unreadable', level: 'high', text: `Cannot be read for certain: ${show(fact.why)}` }];
  return [];
}

const HOST = /^\s*(?:[a-z][a-z\d+.-]*:)?\/\/(?:[^/?#]*@)?(\[[^\]]*\]|[^:/?#\s]+)/i;

/** The host that a URL addresses, in lower case; null where it is no URL. */
export const hostOf = (url: string): string | null => HOST.exec(url)?.[1]?.toLowerCase() ?? null;

function hostRisks(
  { url }: RiskReading,
  known: ReadonlySet<string> | null,
  show: (text: string) => string,
): readonly RiskReason[] {
  if (url.kind !== 'value' || known === null) return [];
  const host = hostOf(String(url.value));
  if (host !== null && known.has(host)) return [];
  const text = host === null ? 'Addresses something that is no URL' : `First call to ${show(host)}`;
  return [{ code: 'first_seen_host', level: 'high', text }];
}

function missingFacts(readings: readonly RiskReading[], setting: RiskSetting): readonly string[] {
  const places = readings.some(
    ({ kind }) => kind.kind === 'value' && (kind.value === 'shell' || kind.value === 'write'),
  );
  const addresses = readings.some(({ url }) => url.kind === 'value');
  return [
    ...(places && setting.cwd === null ? ['working directory'] : []),
    ...(addresses && setting.knownHosts === null ? ['earlier hosts'] : []),
  ];
}
