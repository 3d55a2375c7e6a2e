import { describe, expect, it, onTestFinished } from 'vitest';
import { attachIpc, refuseSender } from '../../electron/ipc.ts';
import { EVENT_CHANNEL, INVOKE_CHANNEL } from '../../proxy-core/contract/bridge.ts';
import type { Reply } from '../../proxy-core/contract/client.ts';
import type { Snapshot } from '../../proxy-core/contract/operations/core.ts';
import { readAudit } from '../harness/audit-records.ts';
import { startTestRungate } from '../harness/rungate.ts';

const CONSOLE = { origin: 'app://console', parent: null };
type Frame = { readonly origin: string; readonly parent: unknown } | null;

describe('B3: a message', () => {
  const own = {};
  it('is taken from the main frame of the app’s window while it shows the console', () => {
    expect(refuseSender({ contents: own, frame: CONSOLE }, own)).toBeNull();
  });

  it.each<[string, object | null, Frame]>([
    ['another window', {}, CONSOLE],
    ['a frame that is gone', own, null],
    ['a frame within the page', own, { ...CONSOLE, parent: {} }],
    ['another page', own, { origin: 'https://console', parent: null }],
    ['an origin that only begins like the console’s', own, { origin: 'app://console.evil', parent: null }],
    ['an opaque origin', own, { origin: 'null', parent: null }],
  ])('is refused from %s', (_, contents, frame) => {
    expect(refuseSender({ contents, frame }, own)).not.toBeNull();
  });

  it('is refused while there is no window', () => {
    expect(refuseSender({ contents: null, frame: CONSOLE }, null)).not.toBeNull();
  });
});

/** The bridge over a real core; what Electron would deliver is handed in. */
async function openBridge() {
  const rungate = await startTestRungate();
  onTestFinished(() => rungate.close());
  const sent: unknown[] = [];
  const own = {
    isDestroyed: () => false,
    send: (channel: string, message: unknown) => void (channel === EVENT_CHANNEL && sent.push(message)),
  };
  const listeners = new Map<string, (event: never, message: unknown) => Promise<Reply<unknown>>>();
  const ipc = attachIpc({
    ipcMain: { handle: (channel, listener) => void listeners.set(channel, listener as never) },
    rungate: rungate.core,
    contents: () => own as never,
    warn: () => undefined,
  });
  const deliver = (message: unknown, frame: Frame = CONSOLE, sender: unknown = own): Promise<Reply<unknown>> => {
    const listener = listeners.get(INVOKE_CHANNEL);
    if (listener === undefined) throw new Error('nobody listens');
    return listener({ sender, senderFrame: frame } as never, message);
  };
  return { rungate, deliver, sent, ipc };
}

describe('the bridge', () => {
  it('calls operations as the operator at the desktop', async () => {
    const { rungate, deliver } = await openBridge();
    expect(await deliver({ kind: 'call', name: 'core.pause', input: {} })).toEqual({
      ok: true,
      value: { paused: true },
    });
    await rungate.core.close();
    expect(readAudit(rungate.home)).toContainEqual(
      expect.objectContaining({ kind: 'setting.set', actor: 'operator', channel: 'desktop' }),
    );
  });

  it('sends the events after a snapshot, once, also when the page follows anew', async () => {
    const { rungate, deliver, sent, ipc } = await openBridge();
    const reply = await deliver({ kind: 'call', name: 'core.snapshot', input: {} });
    if (!reply.ok) throw new Error(reply.failure.message);
    const { cursor } = reply.value as Snapshot;
    for (let time = 0; time < 2; time += 1) expect((await deliver({ kind: 'follow', from: cursor })).ok).toBe(true);
    await rungate.call('core.pause', {});
    expect(sent).toMatchObject([{ kind: 'event', event: { name: 'core.paused', body: { paused: true } } }]);
    ipc.release();
    await rungate.call('core.resume', {});
    expect(sent).toHaveLength(1);
  });

  it.each([
    null,
    'call',
    { kind: 'call' },
    { kind: 'evaluate', name: 'core.pause', input: {} },
    { kind: 'call', name: 'core.pause', input: {}, extra: 1 },
    { kind: 'follow', from: { epoch: 'e', seq: -1 } },
  ])('refuses %j, which is none of its messages', async (message) => {
    const { deliver } = await openBridge();
    expect(await deliver(message)).toMatchObject({ ok: false, failure: { code: 'invalid_request' } });
  });

  it('B3: does nothing for another page, and records each kind of refusal once', async () => {
    const { rungate, deliver } = await openBridge();
    const evil = { origin: 'https://evil.test', parent: null };
    for (let time = 0; time < 3; time += 1) {
      const reply = await deliver({ kind: 'call', name: 'core.pause', input: {} }, evil);
      expect(reply).toMatchObject({ ok: false, failure: { code: 'origin_refused' } });
    }
    await deliver({ kind: 'call', name: 'core.pause', input: {} }, { ...CONSOLE, parent: {} });
    expect((await rungate.call('core.status', {})).paused).toBe(false);
    await rungate.core.close();
    const refused = readAudit(rungate.home).filter(({ kind }) => kind === 'host.ipc_refused');
    expect(refused.map(({ fields }) => fields['origin'])).toEqual(['https://evil.test', 'app://console']);
  });
});
