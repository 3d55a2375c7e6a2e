import { type IncomingMessage, request } from 'node:http';
import { z } from 'zod';
import type { Reply, Transport } from '../../proxy-core/contract/client.ts';
import { FAILURES, type FailureCode } from '../../proxy-core/contract/failures.ts';
import { OPERATIONS } from '../../proxy-core/contract/operations.ts';
import { distrustSocketFolder, socketPath } from '../socket-path.ts';

/** The core cannot be asked: it does not run, is not ours, or does not answer in a form this command reads. */
export class CoreUnreachable extends Error {
  readonly code: 'core_not_running' | 'socket_refused' | 'core_silent' | 'core_mismatch';
  constructor(code: CoreUnreachable['code'], message: string) {
    super(message);
    this.name = 'CoreUnreachable';
    this.code = code;
  }
}

// Commands answer in milliseconds; only a hung core takes this long.
const PATIENCE_MS = 60_000;

const failureCodes = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];
const reply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({
    ok: z.literal(false),
    failure: z.object({
      code: z.enum(failureCodes),
      message: z.string(),
      context: z.record(z.string(), z.unknown()),
    }),
  }),
]);

/**
 * A transport to the core that runs for this home folder: `POST /api/NAME` over its command socket. Rejects
 * with CoreUnreachable, also when the core is silent for `patienceMs`; starts nothing.
 */
export function connectCore(home: string, patienceMs: number = PATIENCE_MS): Transport {
  const path = socketPath(home);
  return {
    async call(name, input) {
      const distrust = distrustSocketFolder(path);
      if (distrust !== null)
        throw new CoreUnreachable('socket_refused', `The command socket is not safe: ${distrust}.`);
      const text = await post(path, `/api/${name}`, JSON.stringify(input), { home, patienceMs });
      return readReply(text, OPERATIONS[name].output);
    },
  };
}

function readReply(text: string, output: z.ZodType): Reply<unknown> {
  const mismatch = () =>
    new CoreUnreachable('core_mismatch', 'The running core answered in another form; restart it with this version.');
  const parsed = reply.safeParse(parseJson(text));
  if (!parsed.success) throw mismatch();
  if (!parsed.data.ok) return parsed.data;
  const value = output.safeParse(parsed.data.value);
  if (!value.success) throw mismatch();
  return { ok: true, value: value.data };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function post(
  socket: string,
  path: string,
  body: string,
  { home, patienceMs }: { readonly home: string; readonly patienceMs: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: socket,
        path,
        method: 'POST',
        headers: { host: 'rungate', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        timeout: patienceMs,
        agent: false,
      },
      (response) => {
        collect(response).then(resolve, () => reject(silent()));
      },
    );
    call.on('timeout', () => call.destroy(new Error('timeout')));
    call.on('error', (error: NodeJS.ErrnoException) => reject(explain(error, home)));
    call.end(body);
  });
}

async function collect(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const piece of response) text += piece;
  return text;
}

const silent = () => new CoreUnreachable('core_silent', 'The core ended or hung before it had answered.');

const NOT_RUNNING = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR'];
const NOT_ALLOWED = ['EACCES', 'EPERM'];

/** What a failed connection to a home's core means. */
export function explain(error: NodeJS.ErrnoException, home: string): CoreUnreachable {
  const code = error.code ?? '';
  if (NOT_ALLOWED.includes(code))
    return new CoreUnreachable('socket_refused', `The core of ${home} belongs to another user.`);
  if (!NOT_RUNNING.includes(code)) return silent();
  return new CoreUnreachable(
    'core_not_running',
    `No Rungate core is running for ${home}. Start one with: rungate serve`,
  );
}
