/** What a risk is judged by, and what is said of it. */

export interface RiskReason {
  readonly code: string;
  readonly level: 'critical' | 'high';
  /** One line for people; model-controlled text in it is escaped and cut. */
  readonly text: string;
}

/** A fact as the policy's normalised actions carry it: there, absent, or not to be told for certain. */
export type RiskFact =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly why: string };

/** One way to read an action. `kind` is `shell`, `write`, `sql`, `http` or `other`. */
export interface RiskReading {
  readonly kind: RiskFact;
  readonly command: RiskFact;
  readonly path: RiskFact;
  readonly url: RiskFact;
}

/**
 * One thing a call does, in all its readings. Of a shell action the first reading is the text as written, the others
 * are the commands in it, one each, with the program's plain name first, and its pipelines.
 */
export type RiskAction = readonly RiskReading[];
