import { isScriptTool } from '../policy/calls.ts';
import { kindOfTool } from '../policy/tool-kinds.ts';
import { mayType } from '../policy/typed-input.ts';
import type { ToolCall } from '../wire/format.ts';

/**
 * Reading the calls of one answer costs the thread that serves everybody. One call is bounded by its readers; here the calls of an
 * answer are bounded together, and the thread is given away between them. A call beyond the budget counts as one whose
 * arguments cannot be told.
 */
export interface ReadingBudget {
  /** The call as it is to be judged. */
  take(call: ToolCall): ToolCall;
  /** Resolves at once, or after other work has had its turn. */
  breathe(): Promise<void>;
}

/** Characters of arguments read out of one answer; commands count whole, others a sixteenth. */
const READ_LENGTH = 1_536 * 1024;
/** What each call costs besides its length. */
const CALL_COST = 512;
/** How long the thread is kept at most before others have their turn, ms. */
const KEPT_MS = 8;

/** A budget for the calls of one answer. `now`: a monotonic clock in ms. */
export function openReadingBudget(now: () => number): ReadingBudget {
  let left = READ_LENGTH;
  let since = now();
  return {
    take(call) {
      left -= costOf(call);
      return left >= 0 || call.truncated === true ? call : { ...call, truncated: true };
    },
    async breathe() {
      if (now() - since < KEPT_MS) return;
      await new Promise((resolve) => setImmediate(resolve));
      since = now();
    },
  };
}

function costOf(call: ToolCall): number {
  const read = isScriptTool(call) || kindOfTool(call.name) !== 'other' || mayType(call.name);
  return CALL_COST + Math.ceil(call.argsText.length / (read ? 1 : 16));
}
