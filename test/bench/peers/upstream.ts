import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/**
 * The provider of a benchmark, a program of its own. The first part of the path says how it answers:
 *
 *  - `/wait-MS/…`: a JSON answer of about 1 KB after MS milliseconds
 *  - `/stream-COUNT-EVERY-FIRST/…`: COUNT chunks, one each EVERY ms, the first after FIRST ms
 *
 * Every answer carries `upstream_us`, the microseconds it spent here since the request was complete, so that a
 * client can subtract the timer's inaccuracy from what it measures. Prints its port, ends when its parent does.
 */

const FILLER = 'Rungate is a local control plane for AI agent runs. '.repeat(12).trim();
const USAGE = { prompt_tokens: 250, completion_tokens: 40, total_tokens: 290 };

const microsecondsSince = (start: bigint): number => Number((process.hrtime.bigint() - start) / 1000n);

function answerJson(response: ServerResponse, start: bigint): void {
  const body = JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'bench-model',
    choices: [{ index: 0, message: { role: 'assistant', content: FILLER }, finish_reason: 'stop' }],
    usage: USAGE,
    upstream_us: microsecondsSince(start),
  });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}

const chunkOf = (choices: readonly unknown[], more: Readonly<Record<string, unknown>>): string =>
  `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'bench-model', choices, ...more })}\n\n`;

const TEXT_CHUNK = chunkOf([{ index: 0, delta: { content: ' a word' }, finish_reason: null }], {});

function answerStream(response: ServerResponse, start: bigint, plan: StreamPlan, withUsage: boolean): void {
  let sent = 0;
  const next = (): void => {
    if (sent === 0) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const first = { delta: { role: 'assistant', content: '' }, index: 0, finish_reason: null };
      response.write(chunkOf([first], { upstream_us: microsecondsSince(start) }));
    } else {
      response.write(TEXT_CHUNK);
    }
    sent += 1;
    if (sent < plan.count) return;
    clearInterval(timer);
    response.write(chunkOf([{ index: 0, delta: {}, finish_reason: 'stop' }], {}));
    if (withUsage) response.write(chunkOf([], { usage: USAGE }));
    response.end('data: [DONE]\n\n');
  };
  let timer: NodeJS.Timeout | undefined;
  setTimeout(() => {
    timer = setInterval(next, plan.every);
    next();
  }, plan.first);
  response.once('close', () => clearInterval(timer));
}

interface StreamPlan {
  readonly count: number;
  readonly every: number;
  readonly first: number;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const start = process.hrtime.bigint();
  const [plan = ''] = (request.url ?? '').slice(1).split('/');
  const [kind, ...numbers] = plan.split('-');
  const [a = 0, b = 0, c = 0] = numbers.map(Number);
  if (kind === 'stream')
    answerStream(response, start, { count: a, every: b, first: c }, body.includes('include_usage'));
  else if (kind === 'wait' && a > 0) setTimeout(() => answerJson(response, start), a);
  else if (kind === 'wait') answerJson(response, start);
  else response.writeHead(404).end();
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  serve(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.once('disconnect', () => process.exit(0));
