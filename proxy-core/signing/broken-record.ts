import type { BrokenReason } from '../audit/chain.ts';

/** The first record of an audit that does not fit, and why, for people. */
export interface BrokenRecord {
  readonly seq: number;
  readonly reason: string;
}

const REASONS: Readonly<Record<BrokenReason, string>> = {
  sequence: 'records are missing, doubled or out of order',
  link: 'it does not follow the record before it',
  run_link: 'it does not follow the record before it in its run',
  content: 'its content was changed',
  truncated: 'it is missing: the audit ends before it',
  replaced: 'it is another record than the one that was signed',
};

/** Why a chain is broken, as a sentence without its subject. */
export const renderReason = (reason: BrokenReason): string => REASONS[reason];
