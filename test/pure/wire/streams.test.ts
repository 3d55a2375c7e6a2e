import { describe, expect, it } from 'vitest';
import { createFramer } from '../../../proxy-core/wire/sse-frames.ts';
import { reportOf, STREAMS, type StreamFixture, utf8 } from './stream-fixtures.ts';

const withEndings = (stream: StreamFixture, ending: string): Uint8Array =>
  utf8(new TextDecoder().decode(stream.bytes).replaceAll('\n', ending));

function frames(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  const framer = createFramer();
  const cut = chunks.flatMap((chunk) => framer.push(chunk).map((frame) => frame.slice()));
  const rest = framer.end();
  return rest === null ? cut : [...cut, rest];
}

const splits = (bytes: Uint8Array): readonly (readonly Uint8Array[])[] =>
  Array.from({ length: bytes.length - 1 }, (_, i) => [bytes.subarray(0, i + 1), bytes.subarray(i + 1)]);
const single = (bytes: Uint8Array): readonly Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));

describe.each(STREAMS)('recorded stream $name', (stream) => {
  it('is reported as documented', () => {
    expect(reportOf(stream.reader(), [stream.bytes])).toEqual(stream.report);
  });

  it('D1 gives the same report from single bytes', () => {
    expect(reportOf(stream.reader(), single(stream.bytes))).toEqual(stream.report);
  });

  it('D1 gives the same report from every two-way split', () => {
    const reports = new Set(splits(stream.bytes).map((chunks) => JSON.stringify(reportOf(stream.reader(), chunks))));
    expect([...reports].map((report) => JSON.parse(report) as unknown)).toEqual([stream.report]);
  });

  it('D1 is cut into the same frames by every two-way split and by single bytes, and no byte is lost', () => {
    const whole = frames([stream.bytes]).map((frame) => Buffer.from(frame).toString('latin1'));
    expect(whole.join('')).toBe(Buffer.from(stream.bytes).toString('latin1'));
    const cut = new Set(
      [...splits(stream.bytes), single(stream.bytes)].map((chunks) =>
        frames(chunks)
          .map((frame) => frame.length)
          .join(),
      ),
    );
    expect([...cut]).toEqual([whole.map((frame) => frame.length).join()]);
  });

  it.each([
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('D2 is read the same with %s line ends, whole and in single bytes', (_, ending) => {
    const bytes = withEndings(stream, ending);
    expect(reportOf(stream.reader(), [bytes])).toEqual(stream.report);
    expect(reportOf(stream.reader(), single(bytes))).toEqual(stream.report);
    expect(Buffer.concat(frames(single(bytes)))).toEqual(Buffer.from(bytes));
  });

  it('D2 is read the same after a byte order mark', () => {
    const bytes = utf8(`\uFEFF${new TextDecoder().decode(stream.bytes)}`);
    expect(reportOf(stream.reader(), [bytes])).toEqual(stream.report);
    expect(Buffer.concat(frames([bytes]))).toEqual(Buffer.from(bytes));
  });

  it('D2 is read the same without its last blank line', () => {
    expect(reportOf(stream.reader(), [stream.bytes.subarray(0, -1)])).toEqual(stream.report);
    expect(reportOf(stream.reader(), [stream.bytes.subarray(0, -2)])).toEqual(stream.report);
  });
});
