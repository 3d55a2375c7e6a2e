import type { IncomingMessage } from 'node:http';
import { type Transform, type TransformCallback, Transform as TransformStream } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { type Failure, failure } from '../contract/failures.ts';

/** A body as it came, decoded where the client had compressed it. */
export type RequestBody =
  | { readonly kind: 'body'; readonly bytes: Buffer; readonly decoded: boolean }
  | { readonly kind: 'refused'; readonly failure: Failure; readonly unread: boolean }
  | { readonly kind: 'gone' };

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  br: createBrotliDecompress,
  deflate: createInflate,
  zstd: createZstdDecompress,
};

/**
 * Read a request's body, at most `limit` bytes of it before and after decoding; a compressed bomb is given
 * up at the limit, whatever it would have grown to. `unread` says that the rest is still on the connection, which
 * must then be closed.
 */
export async function readRequestBody(request: IncomingMessage, limit: number): Promise<RequestBody> {
  const encodings = (request.headers['content-encoding'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const encoding = encodings[0];
  if (encodings.length > 1 || (encoding !== undefined && DECODERS[encoding] === undefined)) {
    return unsupportedEncoding();
  }
  if (Number(request.headers['content-length'] ?? 0) > limit) return tooLarge(limit);
  const decoder = encoding === undefined ? null : (DECODERS[encoding]?.() ?? null);
  return decoder === null ? readPlain(request, limit) : readDecoded(request, decoder, limit);
}

/** The hot path: no stream machinery between the socket and the buffer. */
function readPlain(request: IncomingMessage, limit: number): Promise<RequestBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.pause();
        request.removeAllListeners('data');
        resolve(tooLarge(limit));
        return;
      }
      chunks.push(chunk);
    });
    request.once('end', () =>
      resolve({
        kind: 'body',
        bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size),
        decoded: false,
      }),
    );
    request.once('error', () => resolve({ kind: 'gone' }));
    request.once('close', () => resolve({ kind: 'gone' }));
  });
}

class LimitReached extends Error {}

async function readDecoded(request: IncomingMessage, decoder: Transform, limit: number): Promise<RequestBody> {
  const chunks: Buffer[] = [];
  const counter = (): Transform => {
    let size = 0;
    return new TransformStream({
      transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback) {
        size += chunk.length;
        if (size > limit) done(new LimitReached());
        else done(null, chunk);
      },
    });
  };
  try {
    await pipeline(request, counter(), decoder, counter(), async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) chunks.push(chunk);
    });
    return { kind: 'body', bytes: Buffer.concat(chunks), decoded: true };
  } catch (error) {
    if (error instanceof LimitReached) return tooLarge(limit);
    if (!request.complete && request.destroyed && request.errored !== null) return { kind: 'gone' };
    return {
      kind: 'refused',
      unread: true,
      failure: failure('invalid_request', 'The compressed body could not be decoded.', {
        recover: 'Send the body uncompressed, or with a valid content-encoding.',
      }),
    };
  }
}

function tooLarge(limit: number): RequestBody {
  return {
    kind: 'refused',
    unread: true,
    failure: failure('request_too_large', `The request body is larger than ${Math.floor(limit / 1_048_576)} MiB.`, {
      limit_bytes: limit,
      recover: 'Send a smaller body, or raise limits.max_body_mb in the configuration.',
    }),
  };
}

function unsupportedEncoding(): RequestBody {
  return {
    kind: 'refused',
    unread: true,
    failure: failure('unsupported_media_type', 'The content-encoding is not supported.', {
      recover: 'Use one of gzip, br, deflate, zstd, or none.',
    }),
  };
}
