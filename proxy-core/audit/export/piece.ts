/**
 * What renderers yield: text, and marks that say what the text from here on is called (`step 4`, `audit record 17`), so
 * that a verifier can name what was changed.
 */
export type Piece = string | PartMark;

export interface PartMark {
  readonly part: string;
}

/** The part that begins here. */
export const part = (name: string): PartMark => ({ part: name });

/** How parts with an audit record are called; a verifier checks the chain over them. */
export const AUDIT_PART = 'audit record ';
