import { z } from 'zod';
import { canonicalText } from './canonical.ts';

/**
 * A head of the audit chain as this installation signs it and writes it to a second place (an anchor). Threat: someone
 * with write access to the database cuts the chain off, or rehashes all of it. Either keeps the chain consistent in
 * itself and contradicts a head that was signed, and written elsewhere, before.
 */
export const signedHead = z.strictObject({
  v: z.literal(1),
  /** As the audit's first record names it. */
  installation: z.string().max(128),
  seq: z.int().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** When it was signed, epoch ms. */
  at: z.int(),
  /** Fingerprint of the key that signed, and the key itself (Ed25519, 32 bytes, base64). */
  key: z.string().max(128),
  public_key: z.string().max(64),
  /** Ed25519, base64. */
  signature: z.string().max(128),
});
export type SignedHead = z.infer<typeof signedHead>;

/** What of a head is signed: all but the signature. */
export type HeadStatement = Omit<SignedHead, 'signature'>;

/** The text whose UTF-8 bytes are signed. Its first line keeps the signature from standing for anything else. */
export const headText = ({ v, installation, seq, hash, at, key, public_key }: HeadStatement): string =>
  `rungate audit head\n${canonicalText({ v, installation, seq, hash, at, key, public_key })}`;

/** One line of an anchor file. */
export const renderAnchorLine = (head: SignedHead): string => `${canonicalText(head)}\n`;

/** A line of an anchor file, or null if it is none. */
export function parseAnchorLine(line: string): SignedHead | null {
  try {
    const parsed = signedHead.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
