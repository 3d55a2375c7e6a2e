import { describeSent, readBlock } from '../../contract/block.ts';
import { formatUsd, nanoUsd } from '../../contract/money.ts';
import { showHidden } from '../../contract/visible.ts';
import { type Piece, part } from './piece.ts';
import type { RedactedSource } from './redact.ts';
import type { ExportedStep } from './source.ts';

type Cell = string | number | boolean | null | undefined;

/** The columns, in order, and where each comes from. */
const COLUMNS: Readonly<Record<string, (entry: ExportedStep) => Cell>> = {
  run_id: ({ step }) => step.run_id,
  step: ({ step }) => step.step,
  at: ({ step }) => instant(step.at),
  kind: ({ step }) => step.kind,
  summary: ({ step }) => step.summary,
  model: ({ call }) => call?.exchange.model,
  provider: ({ call }) => call?.exchange.provider,
  status: ({ call }) => call?.exchange.status,
  state: ({ call, step }) => call?.exchange.state ?? textOf(step.detail['gate_state']),
  failure: ({ call, step }) => call?.exchange.failure ?? textOf(step.detail['failure']),
  input_tokens: ({ call }) => call?.exchange.usage?.input_tokens,
  output_tokens: ({ call }) => call?.exchange.usage?.output_tokens,
  cached_input_tokens: ({ call }) => call?.exchange.usage?.cache_read_input_tokens,
  cost_usd: ({ step }) => (step.cost_nano === null ? null : formatUsd(nanoUsd(step.cost_nano))),
  estimated: ({ call }) => call?.exchange.estimated,
  ended_at: ({ call }) => (call?.exchange.ended_at == null ? null : instant(call.exchange.ended_at)),
  tool: ({ step }) => textOf(step.detail['name']) ?? textOf(step.detail['tool']),
  call_id: ({ step }) => textOf(step.detail['call_id']),
  gate_id: ({ step }) => textOf(step.detail['gate_id']),
  rule: ({ step }) => textOf(step.detail['rule']),
  decided_by: ({ step }) => textOf(step.detail['decided_by']),
  channel: ({ step }) => textOf(step.detail['channel']),
  reason: ({ step }) => textOf(step.detail['reason']),
  waited_ms: ({ step }) => numberOf(step.detail['waited_ms']),
  retry_of: ({ call }) => call?.exchange.retry_of,
  subagent: ({ call }) => call?.exchange.subagent,
  exchange_id: ({ step }) => step.exchange_id,
  policy: ({ step }) => textOf(step.detail['policy']),
  message: ({ step }) => textOf(step.detail['message']),
  matched: ({ step }) => readBlock(step)?.matched.join('; '),
  withheld_sha256: ({ step }) => textOf(step.detail['withheld_sha256']),
  sent: ({ step }) => sentOf(step),
};

/** What the agent was given in place of what a rule blocked. */
const sentOf = (step: ExportedStep['step']): string | null => {
  const block = readBlock(step);
  return block === null ? null : describeSent(block);
};

const instant = (at: number): string => new Date(at).toISOString();
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** A run's steps as RFC 4180 CSV with a header line, one line a step. */
export function* renderCsv(source: RedactedSource): Generator<Piece> {
  yield part('header');
  yield `${Object.keys(COLUMNS).join(',')}\r\n`;
  for (const entry of source.steps()) {
    yield part(`step ${entry.step.step}`);
    yield `${Object.values(COLUMNS)
      .map((column) => renderCell(column(entry)))
      .join(',')}\r\n`;
  }
}

/**
 * What would move a terminal's cursor or turn text around in a viewer is written as `\\u{…}`; line ends and tabs are
 * text, which quotes hold.
 */
const HIDDEN = /(?![\t\r\n])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\u2060\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/**
 * One cell. A text that a spreadsheet would take for a formula (OWASP: CSV injection) gets an apostrophe before it,
 * also where spaces or controls hide the sign; numbers are written as they are.
 */
export function renderCell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  if (/^\d+(\.\d+)?$/.test(value)) return value;
  const shown = value.replace(HIDDEN, showHidden);
  const safe = /^[\s\p{Cc}\p{Cf}]*[=+\-@|%＝＋－＠]/u.test(value) || /^[\t\r\n]/.test(value) ? `'${shown}` : shown;
  return /^[\w .:/-]*$/.test(safe) ? safe : `"${safe.replaceAll('"', '""')}"`;
}
