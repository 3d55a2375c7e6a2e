import { type BlockDetail, readBlock } from '../../../proxy-core/contract/block.ts';
import type { StepRecord } from '../../../proxy-core/contract/records.ts';

/** A block by a rule and the step that tells of it. */
export interface RunBlock {
  readonly step: number;
  readonly at: number;
  readonly detail: BlockDetail;
}

/** The blocks of a run, oldest first. */
export const blocksOf = (steps: readonly StepRecord[]): readonly RunBlock[] =>
  steps.flatMap((step) => {
    const detail = readBlock(step);
    return detail === null ? [] : [{ step: step.step, at: step.at, detail }];
  });

/** The block of a call's request or answer, or null. */
export const blockOfCall = (steps: readonly StepRecord[], exchangeId: string): RunBlock | null =>
  blocksOf(steps).findLast(({ detail }) => detail.blocked_exchange_id === exchangeId) ?? null;

/** `Blocked by drop:any: Never drop tables.` */
export const describeBlock = ({ rule, message }: BlockDetail): string =>
  `Blocked by ${rule}${message === null ? '' : `: ${message.replace(/[.!?\s]*$/, '.')}`}`;

/** What was withheld: `the request`, or the tools whose calls stood in the answer. */
export function describeWithheld({ withheld, tools, tool }: BlockDetail): string {
  if (withheld === 'answer')
    return tools.length === 0 ? 'the provider’s answer' : `the answer with ${tools.join(', ')}`;
  return tool === null ? 'the request' : `the call of ${tool}`;
}
