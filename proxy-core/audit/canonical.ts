import canonicalize from 'canonicalize';

/**
 * The RFC 8785 form of a JSON value. Throws TypeError for what has none (undefined, a lone surrogate). Texts and whole
 * numbers, of which audit records mostly consist, take a short way; a verifier comes here millions of times.
 */
export function canonicalText(value: unknown): string {
  if (typeof value === 'string') return canonicalString(value);
  if (value === null || typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value);
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('the value has no JSON form');
  return text;
}

/** Nothing in it needs an escape; most texts of an audit are such. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** For a well-formed string RFC 8785 prescribes ECMAScript's own JSON form (section 3.2.2.2). */
export function canonicalString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError('a lone surrogate has no UTF-8 form');
  return JSON.stringify(text);
}
