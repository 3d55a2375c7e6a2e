import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentCall, openCall, send } from '../harness/agent-client.ts';
import { answerAnything, SMALL_COST } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Money against parallel calls, and against a disk that is full. */

let upstream: ScriptedUpstream;
beforeEach(async () => {
  upstream = await startScriptedUpstream(answerAnything);
});
afterEach(() => upstream.close());

/** Reserves $0.01 and a little for its output. */
const chat = (token: string, runId: string, serial: number): AgentCall => ({
  path: '/v1/chat/completions',
  token,
  headers: { 'x-rungate-run-id': runId },
  body: { model: 'gpt-4.1', max_tokens: 1_000, messages: [{ role: 'user', content: `call ${serial}` }] },
});

describe('F6 sixty-four calls at once, with room for three', () => {
  let rungate: TestRungate;
  beforeEach(async () => {
    rungate = await startTestRungate({ upstreamUrl: upstream.url, limits: { drainMs: 10 } });
  });
  afterEach(() => rungate.close());

  const CALLS = 64;
  const ROOM = 0.035;

  it.each(['run', 'agent', 'team'] as const)(
    'on the %s’s cap, the others being wider: three go out, none over the cap',
    async (tight) => {
      const token = await rungate.addAgent('bot', { team: 'crew', budget_usd: tight === 'run' ? ROOM : 1 });
      if (tight !== 'run')
        await rungate.call('budgets.set', { scope: 'agent', name: 'bot', usd: tight === 'agent' ? ROOM : 1 });
      await rungate.call('budgets.set', { scope: 'team', name: 'crew', usd: tight === 'team' ? ROOM : 1 });
      upstream.script(() => undefined); // all that get through stay in flight
      // Spread over runs where the run is not what holds them: caps above it must see all of them.
      const calls = Array.from({ length: CALLS }, (_, serial) =>
        openCall(rungate.url, chat(token, tight === 'run' ? 'one' : `run-${serial % 8}`, serial)),
      );
      const refused = await firstAnswers(calls, CALLS - 3);
      expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([402]));
      expect(upstream.received).toHaveLength(3);
      const { budgets } = await rungate.call('budgets.list', {});
      for (const { spent_nano, reserved_nano, cap_nano } of budgets) {
        if (cap_nano !== null) expect(spent_nano + reserved_nano).toBeLessThanOrEqual(cap_nano);
      }
      for (const call of calls) call.leave();
    },
  );

  it('what three calls give back makes room for the next ones', async () => {
    const token = await rungate.addAgent('bot', { budget_usd: ROOM });
    const answers = await Promise.all(
      Array.from({ length: CALLS }, (_, serial) => send(rungate.url, chat(token, 'one', serial))),
    );
    const good = answers.filter(({ status }) => status === 200).length;
    expect(good).toBeGreaterThanOrEqual(3);
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(CALLS - good);
    expect(upstream.received).toHaveLength(good);
    const { run } = await rungate.call('runs.show', { run_id: 'one' });
    expect(run).toMatchObject({ spent_nano: good * SMALL_COST, reserved_nano: 0 });
  });
});

/** Resolves with the first `count` answers to come. */
function firstAnswers(calls: readonly ReturnType<typeof openCall>[], count: number) {
  const answers: Awaited<ReturnType<typeof openCall>['answer']>[] = [];
  return new Promise<typeof answers>((resolve) => {
    for (const call of calls) {
      call.answer.then(
        (answer) => {
          answers.push(answer);
          if (answers.length === count) resolve(answers);
        },
        () => undefined, // hung up on at the end
      );
    }
  });
}

/** Whether a small file system can be mounted here: needs Linux and its administrator. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'rungate-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (mounted) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

describe.skipIf(!canMount())('F5 on a disk that fills up', () => {
  let folder: string;
  let rungate: TestRungate;
  let token: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rungate-full-'));
    const home = join(folder, 'home');
    mkdirSync(home, { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=700', 'tmpfs', home]);
    rungate = await startTestRungate({ home, upstreamUrl: upstream.url });
    token = await rungate.addAgent('bot');
  });
  afterEach(async () => {
    await rungate.core.close();
    execFileSync('umount', [rungate.home]);
    rmSync(folder, { recursive: true, force: true });
  });

  const ballast = (): string => join(rungate.home, 'ballast');

  /** Take all the room that is left, to the last byte. */
  function fill(): void {
    for (let size = 1 << 20; size >= 1; size >>= 1) {
      try {
        for (;;) writeFileSync(ballast(), Buffer.alloc(size), { flag: 'a' });
      } catch {
        // this size does not fit any more
      }
    }
  }

  /** Call until one is refused for want of room; its status, and how many were let through before. */
  async function callUntilRefused(): Promise<{ readonly status: number; readonly before: number }> {
    for (let serial = 0; serial < 2_000; serial += 1) {
      const { status } = await send(rungate.url, chat(token, 'full', serial));
      if (status !== 200) return { status, before: serial };
    }
    throw new Error('the disk never filled up');
  }

  it('calls get 503 before anything is spent, an operator can still read, and writing recovers with the room', async () => {
    expect((await send(rungate.url, chat(token, 'full', -1))).status).toBe(200);
    fill();
    expect((await callUntilRefused()).status).toBe(503);
    const spentFor = upstream.received.length;
    const refused = await send(rungate.url, chat(token, 'full', 9_999));
    expect(refused.refusal.code).toBe('store_unavailable');
    expect(refused.headers['retry-after']).toBeDefined();
    expect(upstream.received).toHaveLength(spentFor);

    const { exchanges } = await rungate.call('runs.show', { run_id: 'full' });
    expect(exchanges.length).toBeGreaterThanOrEqual(spentFor);
    expect((await rungate.tryCall('agents.add', { name: 'other' })).ok).toBe(false);

    rmSync(ballast());
    expect((await send(rungate.url, chat(token, 'full', 10_000))).status).toBe(200);
    expect(await rungate.call('core.status', {})).toMatchObject({ store: { ok: true } });
    const { run } = await rungate.call('runs.show', { run_id: 'full' });
    expect(run.reserved_nano).toBe(0);
  });
});
