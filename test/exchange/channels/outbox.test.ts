import { describe, expect, it, onTestFinished } from 'vitest';
import { openDesktop } from '../../../proxy-core/channels/desktop.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import type { Notice, Store } from '../../../proxy-core/store/store.ts';
import { NOON, OPERATOR, temporaryHome } from '../../store/fixture-store.ts';
import { beginRun, decision, openInput, REFUND } from '../../store/gate-fixtures.ts';
import {
  type Answer,
  answering,
  HANGING,
  type HandClock,
  handClock,
  hook,
  type Receiver,
  refusedUrl,
  startOutbox,
  startReceiver,
  type TestOutbox,
  verify,
} from './harness.ts';

const HOUR = 3_600_000;
const LATER = NOON + 1_000;

interface Home {
  readonly store: Store;
  readonly clock: HandClock;
  /** Another process on the same home: the store is closed and opened again. */
  reopen(): Promise<Store>;
}

/** A store with an agent's open run `run_1`, and a clock a second after the run's start. */
async function openHome(): Promise<Home> {
  const home = temporaryHome();
  onTestFinished(() => home.remove());
  const store = await home.open();
  await beginRun(store);
  return {
    store,
    clock: handClock(LATER),
    async reopen() {
      await store.close();
      return home.open();
    },
  };
}

const STARTED = { run_id: 'run_1', agent: 'bot', policy: 'refunds@7', client: null };
const COMPLETED = { run_id: 'run_1', agent: 'bot', spent_nano: 0 };

async function openGate(store: Store, gateId: string, approverChannels: readonly string[]): Promise<GateRecord> {
  const { gate } = await store.write('openGate', openInput(gateId, { approverChannels })).durable;
  return gate;
}

async function approve(store: Store, gateId: string, at: number, effectiveAt = at): Promise<GateRecord> {
  const result = await store.write('decideGate', decision(gateId, at, { effectiveAt })).durable;
  if (result.kind !== 'decided') throw new Error(`not decided: ${result.kind}`);
  return result.gate;
}

const nth = async (receiver: Receiver, number: number): Promise<string> => (await receiver.post(number)).type;
const ids = ({ posts }: Receiver): readonly string[] => posts.map(({ headers }) => headers['webhook-id'] ?? '');

/** Answers in turn, the last one for ever. */
function inTurn(...answers: readonly [Answer, ...Answer[]]): Answer {
  let turn = 0;
  return (post, response) => {
    const answer = answers[Math.min(turn, answers.length - 1)] ?? answers[0];
    turn += 1;
    answer(post, response);
  };
}

function noticesOf(store: Store, channel: string): readonly Notice[] {
  return store.read.notices({ channel, limit: 100 });
}

describe('an event', () => {
  it('reaches each webhook that wants it, signed, once, and is then no longer waiting', async () => {
    const { store, clock } = await openHome();
    const [all, approvals] = [await startReceiver(), await startReceiver()];
    const { bus, outbox, line } = startOutbox(
      store,
      [hook(all.url, { name: 'all' }), hook(approvals.url, { name: 'approvals', events: ['approval.*'] })],
      clock,
    );
    bus.publish('run.changed', { run_id: 'run_1' });
    bus.publish('run.started', STARTED);
    bus.publish('run.started', STARTED);
    bus.publish('approval.pending', { gate: await openGate(store, 'gate_1', []) });
    expect(verify(await approvals.post(1))).toMatchObject({
      type: 'approval.pending',
      data: { gate_id: 'gate_1', proposed_action: { args: REFUND.args } },
    });
    expect(verify(await all.post(1))).toMatchObject({ type: 'run.started', data: STARTED });
    expect(await nth(all, 2)).toBe('approval.pending');
    await line('notice.delivered', 3);
    await store.durable();
    expect(outbox.list()).toEqual([
      { channel: 'webhook://all', waiting: 0, last_delivered_at: LATER, last_error: null },
      { channel: 'webhook://approvals', waiting: 0, last_delivered_at: LATER, last_error: null },
    ]);
    expect(all.posts.length + approvals.posts.length).toBe(3);
  });

  it('reaches the approvers of its gate whatever they ask for', async () => {
    const { store, clock } = await openHome();
    const [named, other] = [await startReceiver(), await startReceiver()];
    const channels = [hook(named.url, { name: 'named', events: [] }), hook(other.url, { name: 'other', events: [] })];
    const { bus, line } = startOutbox(store, channels, clock);
    bus.publish('approval.pending', { gate: await openGate(store, 'gate_1', ['webhook://named']) });
    bus.publish('approval.approved', { gate: await approve(store, 'gate_1', LATER) });
    expect([await nth(named, 1), await nth(named, 2)]).toEqual(['approval.pending', 'approval.approved']);
    await line('notice.delivered', 2);
    expect(other.posts).toEqual([]);
  });

  it('is stored before anybody is told, so that a crash loses nothing', async () => {
    const { store, clock } = await openHome();
    const stored: number[] = [];
    const receiver = await startReceiver((_post, response) => {
      stored.push(noticesOf(store, 'webhook://oncall').length);
      response.writeHead(204).end();
    });
    startOutbox(store, [hook(receiver.url)], clock).bus.publish('run.started', STARTED);
    await receiver.post(1);
    expect(stored).toEqual([1]);
  });
});

describe('a dead receiver', () => {
  const kinds: readonly (readonly [string, () => Promise<string>])[] = [
    ['refuses connections', refusedUrl],
    ['never answers', async () => (await startReceiver(HANGING)).url],
    ['answers 500', async () => (await startReceiver(answering(500))).url],
  ];

  it.each(kinds)('that %s delays no other', async (_kind, urlOf) => {
    const { store, clock } = await openHome();
    const alive = await startReceiver();
    const channels = [hook(await urlOf(), { name: 'dead' }), hook(alive.url, { name: 'alive' })];
    const { bus, outbox } = startOutbox(store, channels, clock);
    bus.publish('run.started', STARTED);
    expect(await nth(alive, 1)).toBe('run.started');
    bus.publish('run.completed', COMPLETED);
    expect(await nth(alive, 2)).toBe('run.completed');
    expect(outbox.list()[0]).toMatchObject({ channel: 'webhook://dead', waiting: 2, last_delivered_at: null });
  });

  it('with a long backlog delays no other, not even its retries', async () => {
    const { store, clock } = await openHome();
    for (let index = 0; index < 100; index += 1) {
      const notice = { eventId: `evt_${index}`, channel: 'webhook://dead', event: 'run.started', payload: '{}' };
      await store.write('enqueueNotice', { at: NOON, ...notice }).committed;
    }
    const dead = await startReceiver(HANGING);
    const alive = await startReceiver(inTurn(answering(500), answering(204)));
    const channels = [hook(dead.url, { name: 'dead' }), hook(alive.url, { name: 'alive' })];
    const { bus, line } = startOutbox(store, channels, clock);
    await dead.post(1);
    bus.publish('run.started', STARTED);
    await line('notice.failed');
    clock.advance(60_000);
    await line('notice.delivered');
    expect(ids(alive)[0]).toBe(ids(alive)[1]);
    expect(dead.posts).toHaveLength(1);
  });

  it('is tried again after 5 s, doubling, with the same id, until it answers', async () => {
    const { store, clock } = await openHome();
    const receiver = await startReceiver(inTurn(answering(500), answering(429), answering(302), answering(200)));
    const { bus, outbox, line } = startOutbox(store, [hook(receiver.url)], clock);
    bus.publish('run.started', STARTED);
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const { facts } = await line('notice.failed', attempt);
      const pause = Number(facts['next_at']) - clock.now();
      pauses.push(pause);
      expect(outbox.list()[0]).toMatchObject({ waiting: 1, last_error: facts['error'] });
      clock.advance(pause);
    }
    const delivered = await line('notice.delivered');
    expect(delivered.facts).toMatchObject({ attempts: 4, event: 'run.started', channel: 'webhook://oncall' });
    expect(new Set(ids(receiver))).toEqual(new Set([delivered.facts['event_id']]));
    expect(receiver.posts.every((post) => verify(post) !== null)).toBe(true);
    pauses.forEach((pause, index) => {
      expect(pause).toBeGreaterThanOrEqual(Math.max(5_000, 3_750 * 2 ** index));
      expect(pause).toBeLessThanOrEqual(6_250 * 2 ** index);
    });
    expect(outbox.list()[0]).toMatchObject({ last_delivered_at: clock.now(), last_error: null });
  });

  it('is given up after a day, and the notice kept with its error', async () => {
    const { store, clock } = await openHome();
    const receiver = await startReceiver(answering(503));
    const { bus, logged, line } = startOutbox(store, [hook(receiver.url)], clock);
    bus.publish('run.started', STARTED);
    let failures = 1;
    for (; clock.now() < LATER + 23 * HOUR; failures += 1) {
      const { facts } = await line('notice.failed', failures);
      clock.advance(Number(facts['next_at']) - clock.now());
    }
    clock.advance(HOUR);
    await line('notice.given_up');
    await store.durable();
    expect(logged.filter(({ event }) => event === 'notice.failed').length).toBe(receiver.posts.length - 1);
    expect(noticesOf(store, 'webhook://oncall')).toMatchObject([
      { nextAt: null, deliveredAt: null, attempts: receiver.posts.length, error: 'the receiver answered 503' },
    ]);
    bus.publish('run.completed', COMPLETED);
    await receiver.post(receiver.posts.length + 1);
    expect(receiver.posts.at(-1)?.type).toBe('run.completed');
  });

  it('that answers 410 is not asked again', async () => {
    const { store, clock } = await openHome();
    const receiver = await startReceiver(inTurn(answering(410), answering(204)));
    const { bus, outbox, line } = startOutbox(store, [hook(receiver.url)], clock);
    bus.publish('run.started', STARTED);
    await line('notice.given_up');
    expect(outbox.list()[0]).toMatchObject({ last_error: 'the receiver answered 410 Gone' });
    clock.advance(HOUR);
    bus.publish('run.completed', COMPLETED);
    await line('notice.delivered');
    await store.durable();
    expect(receiver.posts.map(({ type }) => type)).toEqual(['run.started', 'run.completed']);
    expect(outbox.list()[0]).toMatchObject({ waiting: 0 });
  });
});

describe('a restart', () => {
  it('goes on with what was waiting, under the same id', async () => {
    const home = await openHome();
    const receiver = await startReceiver(inTurn(answering(500), answering(204)));
    const before = startOutbox(home.store, [hook(receiver.url)], home.clock);
    before.bus.publish('run.started', STARTED);
    await before.line('notice.failed');
    await before.outbox.close();
    const store = await home.reopen();
    home.clock.advance(HOUR);
    const after = startOutbox(store, [hook(receiver.url)], home.clock);
    expect((await after.line('notice.delivered')).facts).toMatchObject({ attempts: 2 });
    expect(ids(receiver)[0]).toBe(ids(receiver)[1]);
  });

  it('waits for what is not due yet, and knows how the channel did before', async () => {
    const home = await openHome();
    const receiver = await startReceiver(inTurn(answering(204), answering(500), answering(204)));
    const before = startOutbox(home.store, [hook(receiver.url)], home.clock);
    before.bus.publish('run.started', STARTED);
    await before.line('notice.delivered');
    before.bus.publish('run.completed', COMPLETED);
    const { facts } = await before.line('notice.failed');
    await before.outbox.close();
    const after = startOutbox(await home.reopen(), [hook(receiver.url)], home.clock);
    expect(after.outbox.list()).toEqual([
      {
        channel: 'webhook://oncall',
        waiting: 1,
        last_delivered_at: LATER,
        last_error: 'the receiver answered 500',
      },
    ]);
    after.bus.publish('run.blocked', { run_id: 'run_1', agent: 'bot', reason: 'policy_blocked' });
    expect(await nth(receiver, 3)).toBe('run.blocked');
    home.clock.advance(Number(facts['next_at']) - home.clock.now());
    expect(await nth(receiver, 4)).toBe('run.completed');
  });

  it('cuts a delivery that is under way and counts no attempt for it', async () => {
    const home = await openHome();
    const receiver = await startReceiver(inTurn(HANGING, answering(204)));
    const before = startOutbox(home.store, [hook(receiver.url)], home.clock);
    before.bus.publish('run.started', STARTED);
    await receiver.post(1);
    await before.outbox.close();
    const store = await home.reopen();
    expect(noticesOf(store, 'webhook://oncall')).toMatchObject([{ attempts: 0, nextAt: LATER, error: null }]);
    const after = startOutbox(store, [hook(receiver.url)], home.clock);
    await after.line('notice.delivered');
    expect(ids(receiver)[0]).toBe(ids(receiver)[1]);
  });

  it('tells of a gate whose notice a crash prevented, once', async () => {
    const home = await openHome();
    const channels = ['webhook://oncall'];
    await openGate(home.store, 'gate_waiting', channels);
    await openGate(home.store, 'gate_approved', channels);
    await approve(home.store, 'gate_approved', LATER);
    const receiver = await startReceiver();
    const first = startOutbox(home.store, [hook(receiver.url)], home.clock);
    await first.line('notice.delivered', 2);
    expect(receiver.posts.map(({ type }) => type).sort()).toEqual(['approval.approved', 'approval.pending']);
    await first.outbox.close();
    const second = startOutbox(await home.reopen(), [hook(receiver.url)], home.clock);
    second.bus.publish('run.started', STARTED);
    expect(await nth(receiver, 3)).toBe('run.started');
    expect(receiver.posts).toHaveLength(3);
  });

  it('does not tell of verdicts older than a day', async () => {
    const { store, clock } = await openHome();
    await openGate(store, 'gate_1', ['webhook://oncall']);
    await approve(store, 'gate_1', LATER);
    clock.advance(24 * HOUR + 1);
    const receiver = await startReceiver();
    startOutbox(store, [hook(receiver.url)], clock).bus.publish('run.started', STARTED);
    expect(await nth(receiver, 1)).toBe('run.started');
  });
});

describe('a verdict that can still be taken back', () => {
  const UNDO_MS = 5_000;

  async function approved(): Promise<{ home: Home; receiver: Receiver; told: TestOutbox }> {
    const home = await openHome();
    const receiver = await startReceiver();
    const told = startOutbox(home.store, [hook(receiver.url, { events: [] })], home.clock);
    await openGate(home.store, 'gate_1', ['webhook://oncall']);
    const gate = await approve(home.store, 'gate_1', LATER, LATER + UNDO_MS);
    told.bus.publish('approval.approved', { gate });
    // Notices of a channel go out in order: had the verdict gone out, it would have been first.
    told.bus.publish('approval.expired', {
      gate: { ...gate, gate_id: 'gate_2', state: 'expired', effective_at: null },
    });
    expect(await nth(receiver, 1)).toBe('approval.expired');
    return { home, receiver, told };
  }

  it('is told when it takes effect', async () => {
    const { home, receiver } = await approved();
    home.clock.advance(UNDO_MS);
    expect(await nth(receiver, 2)).toBe('approval.approved');
  });

  it('is never told when it is taken back; the one that is given then is', async () => {
    const { home, receiver, told } = await approved();
    await home.store.write('undoGate', { at: LATER + 1, gateId: 'gate_1', by: OPERATOR }).durable;
    home.clock.advance(UNDO_MS);
    await told.line('notice.outdated');
    const again = await approve(home.store, 'gate_1', home.clock.now());
    told.bus.publish('approval.approved', { gate: again });
    expect(await nth(receiver, 2)).toBe('approval.approved');
    expect(verify(await receiver.post(2))).toMatchObject({
      data: { decided_at: new Date(home.clock.now()).toISOString() },
    });
    expect(told.outbox.list()[0]).toMatchObject({ last_error: null });
  });
});

describe('the desktop', () => {
  it('is given the gates that name it, each once, to plan when to tell of them', async () => {
    const { store, clock } = await openHome();
    const planned: string[] = [];
    const desktop = openDesktop({
      kind: 'desktop',
      planner: { plan: (id) => void planned.push(id), test: () => undefined },
    });
    const { bus, outbox, line } = startOutbox(store, [desktop], clock);
    bus.publish('run.started', STARTED);
    const gate = await openGate(store, 'gate_1', ['desktop://']);
    bus.publish('approval.pending', { gate });
    bus.publish('approval.pending', { gate });
    await line('notice.delivered');
    expect(planned).toEqual(['gate_1']);
    expect(outbox.list()[0]).toMatchObject({ channel: 'desktop://', last_error: null });
  });

  it('is not missed where there is none', async () => {
    const { store, clock } = await openHome();
    const { bus, outbox, logged } = startOutbox(store, [], clock);
    bus.publish('approval.pending', { gate: await openGate(store, 'gate_1', ['desktop://']) });
    expect(outbox.list()).toEqual([]);
    expect(logged).toEqual([]);
  });
});

describe('a channel that a gate names but nobody has configured', () => {
  it('is shown, and logged once', async () => {
    const { store, clock } = await openHome();
    const { bus, outbox, logged } = startOutbox(store, [], clock);
    for (const gateId of ['gate_1', 'gate_2']) {
      bus.publish('approval.pending', { gate: await openGate(store, gateId, ['slack://#ops']) });
    }
    expect(logged).toEqual([{ event: 'notice.no_channel', facts: { channel: 'slack://#ops' } }]);
    expect(outbox.list()).toEqual([
      {
        channel: 'slack://#ops',
        waiting: 0,
        last_delivered_at: null,
        last_error: 'no channel of this name is configured',
      },
    ]);
  });

  it('keeps what was waiting for it when it is taken out of the configuration', async () => {
    const home = await openHome();
    const receiver = await startReceiver(inTurn(answering(500), answering(204)));
    const before = startOutbox(home.store, [hook(receiver.url)], home.clock);
    before.bus.publish('run.started', STARTED);
    await before.line('notice.failed');
    await before.outbox.close();
    home.clock.advance(HOUR);
    const without = startOutbox(await home.reopen(), [], home.clock);
    const { facts } = await without.line('notice.failed');
    expect(facts).toMatchObject({ error: 'no channel of this name is configured', attempts: 2 });
  });
});

describe('a test message', () => {
  it.each(['oncall', 'webhook://oncall'])('goes out by the name %s and tells what came of it', async (name) => {
    const { store, clock } = await openHome();
    const receiver = await startReceiver(inTurn(answering(500), answering(204)));
    const { outbox } = startOutbox(store, [hook(receiver.url)], clock);
    expect(await outbox.test(name)).toEqual({ delivered: false, detail: 'the receiver answered 500' });
    expect(outbox.list()[0]).toMatchObject({ last_error: 'the receiver answered 500' });
    expect(await outbox.test(name)).toEqual({ delivered: true, detail: 'delivered' });
    expect(outbox.list()[0]).toMatchObject({ last_error: null, last_delivered_at: LATER });
    expect(await nth(receiver, 2)).toBe('channel.test');
  });

  it.each(['desktop', 'desktop://'])('goes to the desktop by the name %s', async (name) => {
    const { store, clock } = await openHome();
    const tests: string[] = [];
    const planner = { plan: () => undefined, test: () => void tests.push(name) };
    const { outbox } = startOutbox(store, [openDesktop({ kind: 'desktop', planner })], clock);
    expect(await outbox.test(name)).toMatchObject({ delivered: true });
    expect(tests).toEqual([name]);
  });

  it.each(['other', '', 'webhook', 'call'])('does not go to a channel called %j that is not there', async (name) => {
    const { store, clock } = await openHome();
    expect(await startOutbox(store, [hook('http://127.0.0.1:1/')], clock).outbox.test(name)).toBeNull();
  });
});

describe('when the store takes no writes', () => {
  it('publishing goes on and the loss is logged', async () => {
    const { store, clock } = await openHome();
    const { bus, line } = startOutbox(store, [hook('http://127.0.0.1:1/')], clock);
    await store.close();
    bus.publish('run.started', STARTED);
    expect((await line('notice.not_stored')).facts).toMatchObject({
      channel: 'webhook://oncall',
      event: 'run.started',
    });
  });

  it('a notice whose delivery cannot be noted is sent again only after a rest', async () => {
    const { store, clock } = await openHome();
    let refusing = true;
    const flaky: Store = {
      ...store,
      read: store.read,
      trouble: null,
      write: (verb, input) => {
        if (verb !== 'noteDelivery' || !refusing) return store.write(verb, input);
        const refused = Promise.reject(new Error('disk full'));
        refused.catch(() => undefined);
        return { committed: refused, durable: refused };
      },
    };
    const receiver = await startReceiver();
    const { bus, outbox, line } = startOutbox(flaky, [hook(receiver.url)], clock);
    bus.publish('run.started', STARTED);
    await line('notice.not_noted');
    // Two whole round trips, in which a lane that did not rest would have sent it again.
    await outbox.test('oncall');
    await outbox.test('oncall');
    expect(receiver.posts.map(({ type }) => type)).toEqual(['run.started', 'channel.test', 'channel.test']);
    refusing = false;
    clock.advance(30_000);
    await line('notice.delivered', 2);
    expect(ids(receiver)[0]).toBe(ids(receiver)[3]);
  });
});

it('C7: nothing of secrets, addresses or arguments is logged or listed', async () => {
  const { store, clock } = await openHome();
  const failing = await startReceiver(answering(500));
  const urls = [failing.url, await refusedUrl(), 'http://169.254.169.254/'];
  const channels = urls.map((url, index) =>
    hook(`${url}/canary-path?canary=query`, { name: `hook${index}`, secret: `canary-secret-${index}` }),
  );
  const { bus, outbox, logged, line } = startOutbox(store, channels, clock);
  const proposedActions = [{ ...REFUND, args: { text: 'canary-argument sk-canary0123456789' } }];
  const { gate } = await store.write('openGate', openInput('gate_1', { proposedActions })).durable;
  bus.publish('approval.pending', { gate });
  await line('notice.failed', 3);
  await outbox.test('hook0');
  expect(JSON.stringify([logged, outbox.list()])).not.toContain('canary');
  expect((await failing.post(1)).body).toContain('canary-argument');
  expect((await failing.post(1)).body).not.toContain('sk-canary');
});

it('stops cleanly: nothing goes out, nothing sleeps, and publishing goes on', async () => {
  const { store, clock } = await openHome();
  const receiver = await startReceiver(answering(500));
  const { bus, outbox, line } = startOutbox(store, [hook(receiver.url)], clock);
  bus.publish('run.started', STARTED);
  await line('notice.failed');
  await outbox.close();
  expect(clock.alarms()).toEqual([]);
  bus.publish('run.completed', COMPLETED);
  clock.advance(24 * HOUR);
  await store.durable();
  expect(noticesOf(store, 'webhook://oncall')).toHaveLength(1);
  expect(receiver.posts).toHaveLength(1);
});
