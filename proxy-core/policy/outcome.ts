/**
 * Three-valued logic (Kleene). `ambiguous` means that the tool might read the call either way; it counts as matching for
 * alert, gate and block rules and as not matching for allow rules (behaviour §4).
 */
export type Outcome = 'matched' | 'unmatched' | 'ambiguous';

/** A definite outcome. */
export const decided = (matches: boolean): Outcome => (matches ? 'matched' : 'unmatched');

/** `not`: ambiguity stays. */
export function negate(outcome: Outcome): Outcome {
  switch (outcome) {
    case 'matched':
      return 'unmatched';
    case 'unmatched':
      return 'matched';
    case 'ambiguous':
      return 'ambiguous';
  }
}

/** `or` over the outcomes of `items`: matched as soon as one is. An empty list is unmatched. */
export function anyOf<T>(items: readonly T[], test: (item: T) => Outcome): Outcome {
  let outcome: Outcome = 'unmatched';
  for (const item of items) {
    const one = test(item);
    if (one === 'matched') return one;
    if (one === 'ambiguous') outcome = one;
  }
  return outcome;
}

/** `and` over the outcomes of `items`: unmatched as soon as one is. An empty list is matched. */
export function allOf<T>(items: readonly T[], test: (item: T) => Outcome): Outcome {
  let outcome: Outcome = 'matched';
  for (const item of items) {
    const one = test(item);
    if (one === 'unmatched') return one;
    if (one === 'ambiguous') outcome = one;
  }
  return outcome;
}
