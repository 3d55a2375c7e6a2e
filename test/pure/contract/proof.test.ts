import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Proof, parseProof, provenText, renderProof } from '../../../proxy-core/contract/proof.ts';

/** The proof's grammar: what one side writes the other reads, and no two requests are signed as one. */

const base64Url = (length: number) => fc.stringMatching(new RegExp(`^[A-Za-z0-9_-]{${length}}$`));
const proofs: fc.Arbitrary<Proof> = fc.record({
  nonce: base64Url(30),
  count: fc.integer({ min: 1, max: 999_999_999 }),
  body: base64Url(43),
  signature: base64Url(86),
});

it('reads back what was written', () => {
  fc.assert(
    fc.property(proofs, (proof) => {
      expect(parseProof(renderProof(proof))).toEqual(proof);
    }),
  );
});

it('reads nothing else: not with a part cut off, added, or of another alphabet', () => {
  const [proof] = fc.sample(proofs, 1);
  if (proof === undefined) throw new Error('no sample');
  const text = renderProof(proof);
  const wrong = [text.slice(1), `${text}A`, `${text}.`, text.replace('.', ','), ` ${text}`, `${text}\n`, '', 'null'];
  const zeroes = [0, -1, 1.5, 1e9, '01'].map((count) => text.replace(`.${proof.count}.`, `.${count}.`));
  for (const other of [...wrong, ...zeroes]) expect(parseProof(other), other).toBeNull();
});

it('says something else for every other method, target, body, nonce and count', () => {
  const part = fc.string().map((text) => text.replaceAll(/[\r\n]/g, ''));
  const request = fc.record({ method: part, target: part, nonce: part, body: part, count: fc.nat() });
  const textOf = ({ method, target, ...proof }: { method: string; target: string } & Omit<Proof, 'signature'>) =>
    provenText({ method, target }, proof);
  fc.assert(
    fc.property(request, request, (one, other) => {
      expect(textOf(one) === textOf(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
    }),
  );
});
