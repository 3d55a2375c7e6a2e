import type { RiskReason } from './risk-facts.ts';
import type { NamedScalar } from './texts.ts';

/**
 * Risks that show in the text of a call, whatever it does. The model chooses these texts: every expression here takes
 * time in proportion to their length, whatever they hold.
 */

/** Shapes of secrets, with what they look like. Sources: the prefixes that their issuers document. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/, 'a private key'],
  [/\b(?:AKIA|ASIA)[A-Z\d]{16}\b/, 'an AWS access key'],
  [/\b(?:gh[pousr]_[A-Za-z\d]{20,}|github_pat_\w{20,})/, 'a GitHub token'],
  [/\bxox[abeprs]-[\w-]{10,}/, 'a Slack token'],
  [/\bsk-ant-[\w-]{16,}/, 'an Anthropic key'],
  [/\bsk-[\w-]{20,}/, 'an API key'],
  [/\b[rs]k_live_\w{16,}/, 'a Stripe key'],
  [/\bAIza[\w-]{30,}/, 'a Google key'],
  [/\brg_agt_[\w-]{16,}/, 'a Rungate agent token'],
  [/\beyJ[\w-]{8,256}\.eyJ[\w-]{8}/, 'a JSON web token'],
  [/\b(?:password|passwd|pwd|secret|api_?key|token|auth)\b["']?\s*[=:]\s*["']?[^\s"'$<{]{8,}/i, 'a password or token'],
  [/\/\/[^\s/:@]{1,64}:[^\s/@$]{6,128}@/, 'a password in an address'],
  [
    /(?:^|[\s/"'=~])(?:\.ssh\/id_\w+|\.aws\/credentials|\.netrc|\.pgpass|\.kube\/config|\.env)(?=$|[\s"';|&),])/,
    'a file of secrets',
  ],
];

/** Names what a text looks like, never the text. */
export function secretRisk(texts: readonly string[]): readonly RiskReason[] {
  const found = SECRETS.filter(([shape]) => texts.some((text) => shape.test(text))).map(([, name]) => name);
  if (found.length === 0) return [];
  return [{ code: 'secret', level: 'high', text: `Holds what looks like ${found.join(', ')}` }];
}

/** Longer runs of blanks push what follows out of sight. */
const PADDING = /[ \t]{80,}|(?:\r?\n[ \t]*){30,}/;
const LATIN = /\p{Script=Latin}/u;
const LIKE_LATIN = /[\p{Script=Cyrillic}\p{Script=Greek}]/u;
const WORDS = /[\p{L}\d_]+/gu;

/** Whether a word holds Latin letters together with Cyrillic or Greek ones that look like them. */
function mixesScripts(text: string): boolean {
  if (!LIKE_LATIN.test(text)) return false;
  for (const [word] of text.matchAll(WORDS)) if (LIKE_LATIN.test(word) && LATIN.test(word)) return true;
  return false;
}

/** Characters that do not show, letters that look like others, and padding, in the tool's name or its arguments. */
export function hiddenRisk(
  tool: string,
  texts: readonly string[],
  visible: (text: string) => string,
): readonly RiskReason[] {
  const all = [tool, ...texts];
  const hidden = all.some((text) => visible(text.replace(/\r?\n|\t/g, ' ')) !== text.replace(/\r?\n|\t/g, ' '));
  const alike = all.some(mixesScripts);
  const padded = all.some((text) => PADDING.test(text));
  return [
    ...(hidden ? [reason('hidden_characters', 'Holds characters that do not show; they are written as \\u{…}')] : []),
    ...(alike ? [reason('mixed_scripts', 'Mixes letters of different scripts that look alike')] : []),
    ...(padded ? [reason('padding', 'Holds long blank space; look at what comes after it')] : []),
  ];
}

const AMOUNT_KEY = /(?:^|_)(?:amount|total|price|cost|sum|refund|payment|payout|charge|usd|eur|gbp)(?:_|$)/;
/** Whether a key names an amount of money. */
export const isAmountKey = (key: string): boolean => AMOUNT_KEY.test(snake(key));
const snake = (key: string): string => key.replace(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase();

/** An amount above the limit, as a number or as text, anywhere in the arguments. */
export function amountRisk(
  scalars: readonly NamedScalar[],
  limit: number | null,
  show: (text: string) => string,
): readonly RiskReason[] {
  if (limit === null) return [];
  // What is no number cannot be said to be under any limit.
  const over = scalars.find(({ key, value }) => isAmountKey(key) && !(Math.abs(toNumber(value)) <= limit));
  if (over === undefined) return [];
  return [reason('amount', `${show(over.key)} ${show(String(over.value))} is over ${limit}`)];
}

const toNumber = (value: number | string): number =>
  typeof value === 'number' ? value : Number(value.replace(/[\s,$€£_]|usd|eur|gbp/gi, '') || Number.NaN);

const reason = (code: string, text: string): RiskReason => ({ code, level: 'high', text });
