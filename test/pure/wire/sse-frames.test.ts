import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, createFramer } from '../../../proxy-core/wire/sse-frames.ts';
import { utf8 } from './stream-fixtures.ts';

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

function cut(chunks: readonly Uint8Array[], limit?: number) {
  const framer = createFramer(limit);
  const frames = chunks.flatMap((chunk) => framer.push(chunk).map(latin1));
  return { frames, rest: framer.end(), oversized: framer.oversized };
}

describe('createFramer', () => {
  it('returns exactly the bytes pushed, whatever they are and however they are cut', () => {
    const bytes = fc
      .array(fc.constantFrom(10, 13, 13, 10, 58, 100, 0, 0xff, 0xef), { maxLength: 60 })
      .map((b) => Uint8Array.from(b));
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 8 }), (chunks) => {
        const { frames, rest } = cut(chunks);
        expect(frames.join('') + (rest === null ? '' : latin1(rest))).toBe(chunks.map(latin1).join(''));
      }),
      { numRuns: 1000 },
    );
  });

  it('reads the same events as a parser that sees the whole stream, whatever the line ends', () => {
    const line = fc.constantFrom('data: a', 'data:b', 'event: e', ': c', 'id: 1', 'data');
    const lines = fc.array(fc.tuple(fc.oneof(line, fc.constant('')), fc.constantFrom('\n', '\r', '\r\n')), {
      maxLength: 30,
    });
    const events = (chunks: readonly Uint8Array[]) => {
      const framer = createFramer();
      const read = createFrameReader();
      return chunks
        .flatMap((chunk) => framer.push(chunk).map((frame) => read(frame)))
        .filter((content) => content.kind === 'event');
    };
    fc.assert(
      fc.property(lines, fc.nat(), (parts, at) => {
        // A CRLF in the making must not be completed by the next line's own LF.
        const text = parts
          .map(
            ([l, end], i) =>
              l + (end === '\r' && parts[i + 1]?.[0] === '' && parts[i + 1]?.[1] === '\n' ? '\r\n' : end),
          )
          .join('');
        const bytes = utf8(`${text}data: last\n\n`);
        const i = at % bytes.length;
        expect(events([bytes.subarray(0, i), bytes.subarray(i)])).toEqual(events([bytes]));
        expect(events(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(events([bytes]));
      }),
      { numRuns: 500 },
    );
  });

  it('does not hold back the last event of a stream with bare CR', () => {
    expect(cut([utf8('data: a\r\r')]).frames).toEqual(['data: a\r\r']);
  });

  it('waits for the LF of a CRLF cut in two', () => {
    expect(cut([utf8('data: a\r\n\r'), utf8('\ndata: b\r\n\r\n')]).frames).toEqual([
      'data: a\r\n\r\n',
      'data: b\r\n\r\n',
    ]);
  });

  it('reports a frame over the limit instead of growing, whole or in pieces', () => {
    const frame = utf8(`data: ${'x'.repeat(200)}\n\n`);
    const pieces = Array.from({ length: 21 }, (_, i) => frame.subarray(i * 10, i * 10 + 10));
    for (const chunks of [[frame], pieces]) {
      const result = cut([utf8('data: ok\n\n'), ...chunks, utf8('data: late\n\n')], 100);
      expect(result).toEqual({ frames: ['data: ok\n\n'], rest: null, oversized: true });
    }
  });
});

describe('createFrameReader', () => {
  const read = (text: string, last?: boolean) => createFrameReader()(utf8(text), last);

  it('reads the name and the joined data lines', () => {
    expect(read('event: x\ndata: a\ndata:b\n\n')).toEqual({ kind: 'event', event: 'x', data: 'a\nb' });
  });

  it.each([': ping\n\n', '\n', 'id: 4\nretry: 10\n\n', 'event: lone\n\n', '\uFEFF: ping\n\n'])(
    'takes %j as silent',
    (text) => {
      expect(read(text)).toEqual({ kind: 'silent' });
    },
  );

  it.each(['Data: {}\n\n', ' data: {}\n\n', '{"error":1}\n\n'])(
    'takes %j as unreadable, for some client may read it',
    (text) => {
      expect(read(text)).toEqual({ kind: 'unreadable' });
    },
  );

  it('takes a data line hidden behind a byte order mark as unreadable', () => {
    const reader = createFrameReader();
    reader(utf8('data: a\n\n'));
    expect(reader(utf8('\uFEFFdata: {"hidden":1}\n\n'))).toEqual({ kind: 'unreadable' });
    expect(reader(utf8('data: {}\n\uFEFFdata: 1\n\n'))).toEqual({ kind: 'unreadable' });
  });

  it('dispatches an unterminated event only at the end of the stream', () => {
    expect(read('data: a', true)).toEqual({ kind: 'event', event: null, data: 'a' });
    expect(read('data: a\r', true)).toEqual({ kind: 'event', event: null, data: 'a' });
  });

  it('replaces invalid UTF-8 and goes on', () => {
    expect(createFrameReader()(Uint8Array.of(...utf8('data: a'), 0xff, ...utf8('\n\n')))).toEqual({
      kind: 'event',
      event: null,
      data: 'a\uFFFD',
    });
  });

  it('reads a long frame of CRLF lines without slowing down', () => {
    expect(read(`${'id: 1\r\n'.repeat(50_000)} data: 1\r\n\r\n`)).toEqual({ kind: 'unreadable' });
  });
});
