import { replaceCards } from './cards.ts';

/**
 * Takes what looks like a secret out of text that leaves for people (fault C7). Recognised by form: keys and tokens
 * with a known prefix, JSON web tokens, private keys, credentials in headers, addresses and assignments. A secret
 * without any such sign cannot be told from other text. Every repetition is bounded, so that hostile text costs
 * linear time.
 */

/** A text without its secrets, and how many there were. */
export interface Masked<T> {
  readonly value: T;
  readonly masked: number;
}

const MASK = '[masked]';

/** Prefixes that only keys have: Rungate, OpenAI and Anthropic, Stripe, GitHub, GitLab, Slack, AWS, Google, npm, Hugging Face, webhooks. */
const KEYS = new RegExp(
  [
    'rg_agt_[\\w-]{16,128}',
    'sk-[\\w-]{12,256}',
    '[srp]k_(?:live|test)_\\w{8,256}',
    'gh[pousr]_\\w{16,256}',
    'github_pat_\\w{16,256}',
    'glpat-[\\w-]{16,256}',
    'xox[a-z]-[\\w-]{8,256}',
    'xapp-[\\w-]{8,256}',
    'A(?:KIA|SIA)[A-Z\\d]{16}',
    'AIza[\\w-]{30,64}',
    'npm_\\w{30,64}',
    'hf_\\w{30,64}',
    'whsec_[\\w+/=-]{8,256}',
    'eyJ[\\w-]{8,512}\\.[\\w-]{8,4096}(?:\\.[\\w-]{0,4096})?',
  ]
    .map((key) => `\\b${key}`)
    .join('|'),
  'g',
);

const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)/g;
/** The scheme stays, so that a reader still sees what it was. */
const AUTHORIZATION = /\b(Bearer|Basic) {1,8}([\w.~+/=-]{8,4096})/gi;
const USER_INFO = /(:\/\/[^\s/:@]{0,128}:)([^\s/@]{1,256})(?=@)/g;
const NAME = '(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)';
const ASSIGNMENT = new RegExp(
  `(${NAME}\\w{0,16}["']?\\s{0,8}[=:]\\s{0,8})("[^"]{6,4096}"|'[^']{6,4096}'|(?!\\d{1,12}\\b)[^\\s"',;&|)}]{6,4096})`,
  'gi',
);
const SECRET_MEMBER = new RegExp(`${NAME}$|^authorization$|^cookie$`, 'i');

/** Replace every secret in a text by `[masked]`. */
export function maskSecrets(text: string): Masked<string> {
  let masked = 0;
  const keep = (_match: string, before: string, secret: string): string => {
    if (secret.includes(MASK)) return `${before}${secret}`;
    masked += 1;
    return `${before}${MASK}`;
  };
  const whole = (): string => {
    masked += 1;
    return MASK;
  };
  const value = text
    .replace(PRIVATE_KEY, whole)
    .replace(KEYS, whole)
    .replace(AUTHORIZATION, (match, scheme: string, secret: string) => keep(match, `${scheme} `, secret))
    .replace(USER_INFO, keep)
    .replace(ASSIGNMENT, keep);
  const final = replaceCards(value, whole);
  return { value: final, masked };
}

/** What lies deeper is masked whole: nothing honest does, and following it would take the stack. */
const DEPTH = 500;

/** The same for every text in a JSON value; a text under a name such as `password` or `authorization` is masked whole. */
export function maskTree(value: unknown, maskText: (text: string) => Masked<string> = maskSecrets): Masked<unknown> {
  let masked = 0;
  const text = (value: string): string => {
    const found = maskText(value);
    masked += found.masked;
    return found.value;
  };
  const member = ([name, inner]: readonly [string, unknown], depth: number): [string, unknown] => {
    if (typeof inner !== 'string' || inner === '' || !SECRET_MEMBER.test(name)) return [text(name), walk(inner, depth)];
    masked += 1;
    return [name, MASK];
  };
  const walk = (inner: unknown, depth: number): unknown => {
    if (typeof inner === 'string') return text(inner);
    if (typeof inner !== 'object' || inner === null) return inner;
    if (depth > DEPTH) {
      masked += 1;
      return MASK;
    }
    if (Array.isArray(inner)) return inner.map((item) => walk(item, depth + 1));
    return Object.fromEntries(Object.entries(inner).map((entry) => member(entry, depth + 1)));
  };
  return { value: walk(value, 0), masked };
}
