import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as openRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentCall, openCall, send } from '../harness/agent-client.ts';
import { answerAnything, recording } from '../harness/answers.ts';
import { readColdStore } from '../harness/cold-store.ts';
import { startTestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';
import { startVictim, type Victim } from '../harness/victim.ts';

/** Many calls at once, and a core that is told to stop in the middle of them. */

const MIB = 1_048_576;
/** How much of an answer is kept to be recorded. */
const KEPT = 64 * 1024;
let home: string;
let upstream: ScriptedUpstream;
let victim: Victim;
let token: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'rungate-load-'));
  upstream = await startScriptedUpstream(answerAnything);
  const rungate = await startTestRungate({ home, upstreamUrl: upstream.url });
  token = await rungate.addAgent('bot', { budget_usd: 1_000 });
  await rungate.core.close();
  victim = await startVictim(home, upstream.url, { limits: { shutdownMs: 1_000, keepBytes: KEPT } });
});
afterEach(async () => {
  victim.kill('SIGKILL');
  await victim.ended;
  await upstream.close();
  rmSync(home, { recursive: true, force: true });
});

const streamed = (serial: number): AgentCall => ({
  path: '/v1/messages',
  token,
  headers: { 'x-rungate-run-id': 'load' },
  body: {
    model: 'claude-opus-4-8',
    max_tokens: 100,
    stream: true,
    messages: [{ role: 'user', content: `load ${serial}` }],
  },
});

const resident = (): number =>
  (Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${victim.pid}/status`, 'utf8'))?.[1]) * 1024) / MIB;

/** Resolves when `value` has stopped growing: the same at several looks in a row. */
async function whenStill(value: () => number): Promise<number> {
  for (let same = 0, last = -1; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    same = value() === last ? same + 1 : 0;
    last = value();
    if (same === 5) return last;
  }
}

const PIECE = Buffer.from(`event: ping\ndata: ${JSON.stringify({ type: 'ping', filler: 'x'.repeat(16_000) })}\n\n`);

describe.skipIf(process.platform !== 'linux')('D8 agents that stop reading', () => {
  /** Providers offer so much each; the returned function says how much of it all has been taken from them. */
  function offer(bytesEach: number): () => number {
    let taken = 0;
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let left = bytesEach;
      const pump = (): void => {
        while (left > 0) {
          left -= PIECE.length;
          taken += PIECE.length;
          if (!response.write(PIECE)) break;
        }
        if (left > 0) response.once('drain', pump);
      };
      pump();
    });
    return () => taken;
  }

  /** So many calls whose answers are never read; the returned function hangs up. */
  function stall(count: number): () => void {
    const calls = Array.from({ length: count }, (_, serial) => {
      const { path, headers, body } = streamed(serial);
      const text = JSON.stringify(body);
      const request = openRequest(`${victim.url}${path}`, {
        method: 'POST',
        agent: false,
        headers: {
          ...headers,
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': text.length,
        },
      });
      request.on('response', (response) => response.pause());
      request.on('error', () => undefined);
      request.end(text);
      return request;
    });
    return () => {
      for (const request of calls) request.destroy();
    };
  }

  it('pause their providers: what has been taken lies in the kernel’s socket buffers', async () => {
    const offered = 64 * MIB;
    const taken = offer(offered);
    const hangUp = stall(8);
    await upstream.request(8);
    await whenStill(taken);
    expect(taken()).toBeLessThan((8 * offered) / 2);
    hangUp();
  });

  it('two hundred of them stay within the memory that two hundred streams may take', async () => {
    const taken = offer(2 * MIB);
    const hangUp = stall(200);
    await upstream.request(200);
    await whenStill(taken);
    expect(resident()).toBeLessThan(512);
    hangUp();
  });
});

describe('D10 SIGTERM with fifty streams', () => {
  it('lets those that end in time end, cuts the rest, settles all of them and exits 0', async () => {
    const bytes = recording('messages.text');
    const half = bytes.indexOf('event: message_delta');
    const finish: (() => void)[] = [];
    upstream.script((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(bytes.subarray(0, half));
      const serial = Number(/load (\d+)/.exec(request.body.toString())?.[1]);
      if (serial % 2 === 0) finish.push(() => response.end(bytes.subarray(half)));
    });
    const calls = Array.from({ length: 50 }, (_, serial) => openCall(victim.url ?? '', streamed(serial)));
    await Promise.all(calls.map((call) => call.until('message_start')));
    victim.kill('SIGTERM');
    await victim.said('draining');
    const late = await send(victim.url ?? '', streamed(99)).then(
      ({ status }) => status,
      () => 'refused',
    );
    expect([503, 'refused']).toContain(late);
    for (const end of finish) end();
    const answers = await Promise.all(calls.map((call) => call.answer));
    expect(await victim.ended).toBe(0);
    expect(answers.map(({ ended }) => ended)).toEqual(answers.map((_, serial) => serial % 2 === 0));
    for (const { text } of answers.filter(({ ended }) => !ended)) expect(text).toContain('event: error');
    readColdStore(home, ({ exchanges, chain, runs }) => {
      expect(chain.kind).toBe('ok');
      const states = exchanges.map(({ state, estimated }) => `${state}${estimated ? ', estimated' : ''}`);
      expect(states.filter((state) => state === 'completed')).toHaveLength(25);
      expect(states.filter((state) => state === 'aborted, estimated')).toHaveLength(25);
      expect(runs[0]?.reserved_nano).toBe(0);
    });
  });
});
