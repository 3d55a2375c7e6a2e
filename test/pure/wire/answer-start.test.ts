import { describe, expect, it } from 'vitest';
import { isSignOfLife } from '../../../proxy-core/wire/sign-of-life.ts';
import { readStart } from '../../../proxy-core/wire/stream-start.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('the first bytes of an answer', () => {
  it.each(['data: {}', 'data:{}', 'event: x\n', ': hello', ':', 'id: 1', 'retry: 3', '\ufeffdata:', '\r\n\ndata:'])(
    '%j begin a stream',
    (text) => expect(readStart(bytes(text))).toBe('stream'),
  );
  it.each(['{"data:":1}', '[', 'database', '<html>', ' data: x', 'events:'])('%j begin a document', (text) =>
    expect(readStart(bytes(text))).toBe('document'),
  );
  it.each(['', 'd', 'data', 'eve', 'retry', '\n', ' ', '\ufeff'])('%j could be either', (text) =>
    expect(readStart(bytes(text))).toBe('undecided'),
  );
  it('are read to a bound', () => expect(readStart(bytes(' '.repeat(70_000)))).toBe('document'));
});

describe('a sign of life', () => {
  it.each([': OPENROUTER PROCESSING\n\n', ':\n\n', ': a\r\n: b\r\n\r\n', 'event: ping\ndata: {"type": "ping"}\n\n'])(
    'is %j',
    (text) => expect(isSignOfLife(bytes(text))).toBe(true),
  );
  it.each([
    ': a\u000bdata: {}\n\n',
    ': a\u2028data: {}\n\n',
    ': a\rdata: {}\n\n',
    ': a\ndata: {}\n\n',
    'event: ping\ndata: {"type":"ping","delta":{}}\n\n',
    'data: {}\n\n',
    `: ${'a'.repeat(2_000)}\n\n`,
  ])('is not %j', (text) => expect(isSignOfLife(bytes(text))).toBe(false));
});
