import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader } from '../../proxy-core/store/reader.ts';
import type { StoreReader } from '../../proxy-core/store/store.ts';
import {
  applyPolicies,
  ask,
  type Caller,
  decideAs,
  type GateBench,
  open,
  PROPOSAL,
  startGateBench,
  waitingOf,
} from '../exchange/gates/gate-bench.ts';
import { answering, framesOf, type Said, WIPE } from '../exchange/gates/provider-answers.ts';
import { type OpenCall, send } from '../harness/agent-client.ts';
import { type BadDisk, createBadDisk } from '../harness/bad-disk.ts';

/**
 * Durable before told. A kill cannot see the difference between committed and durable, a power cut can: so the disk's syncs
 * hang, and whatever is told must wait until they return. The table below is the list of what is told; who tells something
 * new adds a row.
 */

interface Telling {
  /** Whether what must be durable is committed by now, so that only the disk is waited for. */
  committed(): boolean;
  /** Resolves when it has been told. */
  readonly told: Promise<unknown>;
}

interface Row {
  /** What is told, and to whom. */
  readonly told: string;
  /** What must be durable before. */
  readonly needs: string;
  /** Everything before it, on a disk that is well; the returned function does what is told of. */
  prepare(on: Bench): Promise<() => Telling>;
  /** What is told instead when the sync fails. */
  readonly instead: (told: unknown) => void;
}

interface Bench {
  readonly gates: GateBench;
  readonly read: StoreReader;
  /** The claim on a gate, which nobody is shown. */
  claimOf(gateId: string): string | null;
}

const HELLO = { text: 'hello', calls: [] };
const refused = (told: unknown): void => expect(told).toMatchObject({ statusCode: 503 });
const notDone = (told: unknown): void =>
  expect(told).toMatchObject({ ok: false, failure: { code: 'store_unavailable' } });

const NARROW = 'policy: narrow\nbudget: { run_usd: 5 }\nmodels: { allow: ["none-*"] }\n';

/** A call whose head is what is told; `until` says of its exchanges what is committed by then. */
async function calling(
  { gates, read }: Bench,
  settings: Parameters<GateBench['caller']>[0],
  until: (states: readonly string[]) => boolean,
  asking: Parameters<typeof open>[3] = {},
): Promise<() => Telling> {
  const caller = await gates.caller(settings);
  return () => ({
    told: open(gates, caller, 'messages', asking).head,
    committed: () => until(read.exchanges(caller.runId).map(({ state }) => state)),
  });
}

/** A call whose provider has it and answers when told to: its admission is durable by then, so only what follows waits. */
async function under(
  { gates }: Bench,
  settings: Parameters<GateBench['caller']>[0],
  said: Said,
): Promise<{ readonly caller: Caller; readonly call: OpenCall; answer(): void }> {
  const answered = Promise.withResolvers<void>();
  gates.upstream.script(async (request, response) => {
    await answered.promise;
    await answering(said)(request, response);
  });
  const caller = await gates.caller(settings);
  const forwarded = gates.upstream.request(gates.upstream.received.length + 1);
  const call = open(gates, caller, 'messages');
  await forwarded;
  // Durable in order: with this, the admission before it is.
  await gates.rungate.call('core.resume', {});
  return { caller, call, answer: answered.resolve };
}

async function waiting(
  { gates }: Bench,
  policy: string,
): Promise<{ readonly caller: Caller; readonly gateId: string }> {
  const caller = await gates.caller({ policy, delivery: 'retry' });
  return { caller, gateId: waitingOf(await ask(gates, caller, 'messages')).gate_id };
}

const ofRun = (read: StoreReader, { runId }: Caller) => read.gates({ runId, limit: 10 }).items;

const TABLE: readonly Row[] = [
  {
    told: 'the first byte of a stream',
    needs: 'the admission',
    prepare(on) {
      on.gates.upstream.script(answering(HELLO));
      const sent = on.gates.forwarded();
      return calling(on, { policy: 'open' }, (states) => states.length === 1 && sent() === 1, { stream: true });
    },
    instead: refused,
  },
  {
    told: 'the last event of a stream',
    needs: 'the settlement',
    async prepare({ gates, read }) {
      const rest = Promise.withResolvers<void>();
      gates.upstream.script(async (_request, response) => {
        const frames = framesOf('messages', HELLO);
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(frames.slice(0, -1).join(''));
        await rest.promise;
        response.end(frames.at(-1));
      });
      const caller = await gates.caller({ policy: 'open' });
      const call = open(gates, caller, 'messages', { stream: true });
      await call.until('message_start');
      await gates.rungate.call('core.resume', {});
      return () => {
        rest.resolve();
        const ended = call.answer.then(({ ended }) => ({ ended }));
        return {
          told: Promise.race([call.until('message_stop').then(() => ({ ended: true })), ended]),
          committed: () => read.exchanges(caller.runId)[0]?.state === 'completed',
        };
      };
    },
    instead: (told) => expect(told).toEqual({ ended: false }),
  },
  {
    told: 'a JSON answer',
    needs: 'the settlement',
    async prepare(on) {
      const { caller, call, answer } = await under(on, { policy: 'open' }, HELLO);
      return () => {
        answer();
        return { told: call.head, committed: () => on.read.exchanges(caller.runId)[0]?.state === 'completed' };
      };
    },
    instead: refused,
  },
  {
    told: 'a 402',
    needs: 'the refusal',
    async prepare(on) {
      const caller = await on.gates.caller({ policy: 'open' });
      await on.gates.rungate.call('budgets.set', { scope: 'agent', name: caller.name, usd: 0.000_000_1 });
      return () => ({
        told: open(on.gates, caller, 'messages').head,
        committed: () => on.read.exchanges(caller.runId)[0]?.state === 'refused',
      });
    },
    instead: refused,
  },
  {
    told: 'a refusal by policy',
    needs: 'the refusal',
    prepare: (on) => calling(on, { policy: 'narrow' }, ([state]) => state === 'refused'),
    instead: refused,
  },
  {
    told: 'the refusal of an answer',
    needs: 'the settlement',
    async prepare(on) {
      const settings = { policy: 'gated', delivery: 'retry' } as const;
      const { caller, call, answer } = await under(on, settings, { text: 'I wipe it.', calls: [WIPE] });
      return () => {
        answer();
        return { told: call.head, committed: () => on.read.exchanges(caller.runId)[0]?.state === 'completed' };
      };
    },
    instead: refused,
  },
  {
    told: 'a 202 on an answer',
    needs: 'the gate',
    async prepare(on) {
      const { caller, call, answer } = await under(on, { policy: 'gated', delivery: 'retry' }, PROPOSAL);
      return () => {
        answer();
        return { told: call.head, committed: () => ofRun(on.read, caller).length === 1 };
      };
    },
    instead: refused,
  },
  {
    told: 'a 202 on a request',
    needs: 'the gate',
    async prepare({ gates, read }) {
      const caller = await gates.caller({ policy: 'asking', delivery: 'retry' });
      return () => ({
        told: open(gates, caller, 'messages').head,
        committed: () => ofRun(read, caller).length === 1,
      });
    },
    instead: refused,
  },
  {
    told: 'the notice of a gate',
    needs: 'the gate',
    async prepare(on) {
      const { caller, call, answer } = await under(on, { policy: 'gated', delivery: 'retry' }, PROPOSAL);
      return () => {
        answer();
        return {
          told: Promise.race([on.gates.opened(caller), call.head]),
          committed: () => ofRun(on.read, caller).length === 1,
        };
      };
    },
    instead: refused,
  },
  {
    told: 'a verdict, to its reviewer',
    needs: 'the verdict',
    async prepare(on) {
      on.gates.upstream.script(answering(PROPOSAL));
      const { gateId } = await waiting(on, 'gated');
      return () => ({
        told: on.gates.rungate.tryCall('gates.reject', { gate_id: gateId }),
        committed: () => on.read.gate(gateId)?.state === 'rejected',
      });
    },
    instead: notDone,
  },
  {
    told: 'a verdict, to the agent that waits for it',
    needs: 'the verdict',
    async prepare({ gates, read }) {
      gates.upstream.script(answering(PROPOSAL));
      const caller = await gates.caller({ policy: 'gated', delivery: 'hold' });
      const call = open(gates, caller, 'messages');
      const { gate_id: gateId } = await gates.opened(caller);
      return () => {
        const reply = gates.rungate.tryCall('gates.approve', { gate_id: gateId });
        return {
          // Where the verdict is not kept the agent waits on, and its reviewer hears of it.
          told: Promise.race<unknown>([call.head, reply.then((said): unknown => (said.ok ? call.head : said))]),
          committed: () => read.gate(gateId)?.state === 'approved',
        };
      };
    },
    instead: notDone,
  },
  {
    told: 'a reviewed answer',
    needs: 'its release',
    async prepare(on) {
      on.gates.upstream.script(answering(PROPOSAL));
      const { caller, gateId } = await waiting(on, 'gated');
      await decideAs(on.gates, 'approve', gateId);
      return () => ({
        told: open(on.gates, caller, 'messages').head,
        committed: () => on.read.gate(gateId)?.released_at !== null,
      });
    },
    instead: refused,
  },
  {
    told: 'an approved call, to its provider',
    needs: 'the claim on the approval',
    async prepare(on) {
      on.gates.upstream.script(answering(HELLO));
      const { caller, gateId } = await waiting(on, 'asking');
      await decideAs(on.gates, 'approve', gateId);
      const forwarded = on.gates.upstream.request(on.gates.upstream.received.length + 1);
      return () => {
        const { head } = open(on.gates, caller, 'messages');
        return { told: Promise.race([forwarded, head]), committed: () => on.claimOf(gateId) !== null };
      };
    },
    instead: refused,
  },
  {
    told: 'a 410',
    needs: 'the expiry',
    async prepare(on) {
      on.gates.upstream.script(answering(PROPOSAL));
      const { caller, gateId } = await waiting(on, 'gated');
      return () => {
        on.gates.rungate.advance(2 * 3_600_000);
        return {
          told: open(on.gates, caller, 'messages').head,
          committed: () => on.read.gate(gateId)?.state === 'expired',
        };
      };
    },
    instead: refused,
  },
  {
    told: 'a pause, to the operator',
    needs: 'the setting',
    async prepare({ gates, read }) {
      await gates.rungate.call('core.resume', {});
      return () => ({
        told: gates.rungate.tryCall('core.pause', {}),
        committed: () => read.setting('paused') === true,
      });
    },
    instead: notDone,
  },
  {
    told: 'a cap, to the operator',
    needs: 'the cap',
    async prepare({ gates, read }) {
      await gates.rungate.call('core.resume', {});
      const caller = await gates.caller({ policy: 'open' });
      return () => ({
        told: gates.rungate.tryCall('budgets.set', { scope: 'agent', name: caller.name, usd: 77 }),
        committed: () => read.budgets().some(({ name, cap_nano }) => name === caller.name && cap_nano === 77e9),
      });
    },
    instead: notDone,
  },
  {
    told: 'an agent’s token',
    needs: 'the agent',
    async prepare({ gates, read }) {
      return () => ({
        told: gates.rungate.tryCall('agents.add', { name: 'latest', policy: 'open' }),
        committed: () => read.agents().some(({ name }) => name === 'latest'),
      });
    },
    instead: notDone,
  },
];

let disk: BadDisk;
let on: Bench;
let close: () => Promise<void>;

async function begin(): Promise<void> {
  disk = createBadDisk();
  const gates = await startGateBench({ store: disk.store, limits: { shutdownMs: 100 } });
  await applyPolicies(gates.rungate, [NARROW]);
  const path = join(gates.rungate.home, 'rungate.db');
  const reader = openReader(path, gates.rungate.now);
  const database = new Database(path, { readonly: true });
  const claim = database.prepare<[string], string | null>('SELECT claimed_by FROM gates WHERE gate_id = ?').pluck();
  on = { gates, read: reader.read, claimOf: (gateId) => claim.get(gateId) ?? null };
  close = async () => {
    disk.release();
    database.close();
    reader.close();
    await gates.close();
  };
}

/** Every turn of the core that this takes, something that does not wait for the disk would have been told. */
const turn = (): Promise<unknown> => send(on.gates.rungate.url, { path: '/healthz' });

/** Turns of the core until it holds; a row that never comes there fails by its name. */
async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 2_000; turns += 1) {
    if (holds()) return;
    await turn();
  }
  throw new Error('what it needs was never committed');
}

describe('with syncs that do not return', () => {
  beforeAll(begin);
  afterAll(() => close());

  it.each(TABLE)('$told waits for $needs, and comes when it is durable, however late', async ({ prepare }) => {
    const tell = await prepare(on);
    await on.gates.rungate.call('budgets.list', {});
    disk.hang();
    try {
      const { told, committed } = tell();
      let heard = false;
      void told.then(() => {
        heard = true;
      });
      await until(committed);
      for (let turns = 0; turns < 5; turns += 1) await turn();
      expect(heard).toBe(false);
      disk.release();
      await told;
    } finally {
      disk.release();
    }
  });
});

describe('with a sync that fails', () => {
  it.each(TABLE)('$told does not come without $needs', async ({ prepare, instead }) => {
    await begin();
    try {
      const tell = await prepare(on);
      disk.hang();
      const { told, committed } = tell();
      await until(committed);
      disk.fail();
      instead(await told);
    } finally {
      await close();
    }
  });
});
