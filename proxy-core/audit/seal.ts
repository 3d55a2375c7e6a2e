import { z } from 'zod';
import { canonicalText } from './canonical.ts';

/**
 * The seal of an exported file. Threat: somebody changes an export before it is read as evidence. The seal holds the
 * SHA-256 of every byte of the file but its own, is signed as a whole, and has exactly one spelling (RFC 8785), so
 * that no byte of the file can change unseen. It also lists the file's parts with their lengths and hashes, so that a
 * verifier names what was changed; that list is inside what is signed.
 */

/** A stretch of the file: what it is called, its length in bytes, and the first 16 hex digits of its SHA-256. */
const sealPart = z.tuple([z.string().max(200), z.int().min(0), z.string().regex(/^[0-9a-f]{16}$/)]);
export type SealPart = z.infer<typeof sealPart>;

export const seal = z.strictObject({
  v: z.literal(1),
  format: z.string().max(40),
  run_id: z.string().max(128).nullable(),
  /** Epoch ms. */
  exported_at: z.int(),
  installation: z.string().max(128),
  /** Fingerprint of the signing key, and the key itself (Ed25519, 32 bytes, base64). */
  key: z.string().max(128),
  public_key: z.string().max(64),
  /** The end of the installation's audit chain when the file was made. */
  head: z.object({ seq: z.int(), hash: z.string() }).nullable(),
  /** Secrets masked in the file. */
  masked: z.int(),
  /** Of the file without the seal's own text: bytes and SHA-256, hex. */
  bytes: z.int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  parts: z.array(sealPart),
  /** Ed25519 over `sealText`, base64. */
  signature: z.string().max(128),
});
export type Seal = z.infer<typeof seal>;
export type SealStatement = Omit<Seal, 'signature'>;

/** The text whose UTF-8 bytes are signed. */
export function sealText(sealed: SealStatement): string {
  const statement: Partial<Seal> = { ...sealed };
  delete statement.signature;
  return `rungate export seal\n${canonicalText(statement)}`;
}

/** How a seal stands in a file of a format: between a fixed text before it and a fixed end of the file behind it. */
export interface SealFrame {
  /** Begins with a line break and occurs in no seal. */
  readonly before: string;
  readonly after: string;
  /** The seal's text as this place spells it. */
  encode(text: string): string;
  /** The inverse; null for what `encode` has not written. */
  decode(text: string): string | null;
}

const same = (text: string): string => text;

const parsedString = (text: string): string | null => {
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
};

/** The formats that carry their seal inside. A PDF and a CSV have it in a file beside them; a zip in its comment. */
export const SEAL_FRAMES = {
  json: { before: '\n"seal":', after: '\n}\n', encode: same, decode: same },
  html: {
    before: '\n<script type="application/json" id="seal">',
    after: '</script>\n</body>\n</html>\n',
    // Nothing in a script element may look like markup.
    encode: (text) => text.replaceAll('<', '\\u003c'),
    decode: (text) => text.replaceAll('\\u003c', '<'),
  },
  otlp: {
    before: '\n{"resource":{"attributes":[{"key":"rungate.seal","value":{"stringValue":"',
    after: '"}}]},"scopeSpans":[]}\n]}\n',
    encode: (text) => JSON.stringify(text).slice(1, -1),
    decode: parsedString,
  },
} as const satisfies Record<string, SealFrame>;

/** Write a seal down. */
export const renderSeal = (sealed: Seal): string => canonicalText(sealed);

/** Read a seal; null if the text is none, or spells one in any other way than `renderSeal`. */
export function parseSeal(text: string): Seal | null {
  try {
    const parsed = seal.safeParse(JSON.parse(text));
    return parsed.success && renderSeal(parsed.data) === text ? parsed.data : null;
  } catch {
    return null;
  }
}
