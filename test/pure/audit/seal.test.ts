import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSeal, renderSeal, SEAL_FRAMES, type Seal, sealText } from '../../../proxy-core/audit/seal.ts';

const SEAL: Seal = {
  v: 1,
  format: 'json',
  run_id: 'run_1',
  exported_at: 1_790_000_000_000,
  installation: 'abc',
  key: 'SHA256:x',
  public_key: 'AAAA',
  head: { seq: 7, hash: 'ff' },
  masked: 3,
  bytes: 100,
  sha256: 'a'.repeat(64),
  parts: [['step 1', 10, '0123456789abcdef']],
  signature: 'c2ln',
};

describe('a seal', () => {
  it('is read back as it was written', () => {
    expect(parseSeal(renderSeal(SEAL))).toEqual(SEAL);
  });

  it('has one spelling: spaces, another order of members or an escape make it unreadable', () => {
    const text = renderSeal(SEAL);
    expect(parseSeal(text.replace(',', ', '))).toBeNull();
    expect(parseSeal(JSON.stringify(SEAL))).toBeNull();
    expect(parseSeal(text.replace('json', '\\u006ason'))).toBeNull();
    expect(parseSeal(`${text} `)).toBeNull();
    expect(parseSeal(text.replace('"v":1', '"v":1,"w":2'))).toBeNull();
  });

  it('signs everything but the signature', () => {
    expect(sealText(SEAL)).not.toContain('c2ln');
    for (const name of Object.keys(SEAL).filter((one) => one !== 'signature'))
      expect(sealText({ ...SEAL, [name]: 'other' } as Seal)).not.toBe(sealText(SEAL));
  });

  it('stands in every frame as one line of it, whatever it says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const text = renderSeal({ ...SEAL, installation: name.toWellFormed() });
        for (const frame of Object.values(SEAL_FRAMES)) {
          const encoded = frame.encode(text);
          expect(encoded).not.toContain('\n');
          expect(encoded).not.toContain(frame.before);
          expect(frame.decode(encoded)).toBe(text);
        }
      }),
    );
  });
});
