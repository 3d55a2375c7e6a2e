import { connect } from 'node:net';

/** What a server said on one connection. */
export interface RawAnswer {
  /** Everything that came, as latin-1. */
  readonly text: string;
  /** Statuses of all answers on the connection, in order. */
  readonly statuses: readonly number[];
  /** The server has closed the connection. */
  readonly closed: boolean;
}

export interface RawOptions {
  /** Stop reading once this many answers have come whole; otherwise read until the server closes. */
  readonly answers?: number;
}

/**
 * Send bytes to a port exactly as they are, however malformed, and collect the answers. Resolves when the server
 * closes the connection or, with `answers`, once so many have come.
 */
export function sendRaw(url: string, bytes: string | Uint8Array, options: RawOptions = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    const finish = (closed: boolean): void => {
      socket.destroy();
      resolve({ text, statuses: statusesOf(text), closed });
    };
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      text += piece;
      if (options.answers !== undefined && wholeAnswers(text) >= options.answers) finish(false);
    });
    socket.once('close', () => finish(true));
    // A server that closes while we still write resets the connection: what it said before counts.
    socket.on('error', (error) => {
      if (text === '') reject(error);
    });
    socket.write(bytes);
  });
}

const STATUS_LINE = /HTTP\/1\.1 (\d{3}) /g;

const statusesOf = (text: string): readonly number[] =>
  [...text.matchAll(STATUS_LINE)].map(([, status]) => Number(status));

/** Answers with a Content-Length whose body has come completely. */
function wholeAnswers(text: string): number {
  let rest = text;
  for (let count = 0; ; count += 1) {
    const end = rest.indexOf('\r\n\r\n');
    const length = /content-length: (\d+)/i.exec(rest.slice(0, end))?.[1];
    if (end === -1 || length === undefined || rest.length < end + 4 + Number(length)) return count;
    rest = rest.slice(end + 4 + Number(length));
  }
}

/** A request's text: request line, headers, empty line, body. */
export const requestText = (line: string, headers: readonly string[], body = ''): string =>
  `${[`${line} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n${body}`;
