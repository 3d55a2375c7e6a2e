import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine, EngineBrowser } from './browser.ts';
import { findProgram, lineOf, startProgram } from './program.ts';

/** Firefox over WebDriver BiDi, which it speaks itself: no driver program, and Node has the WebSocket. */
export const firefox: Engine = {
  name: 'Firefox',
  missing: () => (program() === null ? 'firefox-esr is not installed' : null),
  async start() {
    const profile = mkdtempSync(join(tmpdir(), 'rungate-firefox-'));
    const path = program();
    if (path === null) throw new Error('firefox is not installed');
    const args = ['--headless', '--remote-debugging-port=0', '--profile', profile, '--no-remote', 'about:blank'];
    const started = startProgram(path, args, { MOZ_HEADLESS_WIDTH: '1280', MOZ_HEADLESS_HEIGHT: '820', HOME: profile });
    const [, address = ''] = await lineOf(started.child.stderr, /WebDriver BiDi listening on (ws:\S+)/);
    const send = await connect(`${address}/session`);
    await send('session.new', { capabilities: {} });
    const { contexts } = await send<{ contexts: readonly { context: string }[] }>('browsingContext.getTree', {});
    const context = contexts[0]?.context ?? '';
    await send('browsingContext.setViewport', { context, viewport: { width: 1280, height: 820 } });
    return browserOver(send, context, async () => {
      await started.stop();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    });
  },
};

const program = (): string | null => findProgram('firefox-esr') ?? findProgram('firefox');

type Send = <T>(method: string, params: object) => Promise<T>;
type Evaluated = { type: string; result?: { value?: unknown; sharedId?: string }; exceptionDetails?: { text: string } };

function browserOver(send: Send, context: string, close: () => Promise<void>): EngineBrowser {
  const target = { context };
  const evaluate = async (expression: string) => {
    const answer = await send<Evaluated>('script.evaluate', { expression, target, awaitPromise: true });
    if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.text);
    return answer.result;
  };
  return {
    open: async (url) => void (await send('browsingContext.navigate', { context, url, wait: 'interactive' })),
    async click(selector) {
      const found = await evaluate(`document.querySelector(${JSON.stringify(selector)})`);
      if (found?.sharedId === undefined) throw new Error(`nothing to click: ${selector}`);
      const origin = { type: 'element', element: { sharedId: found.sharedId } };
      const actions = [
        { type: 'pointerMove', x: 0, y: 0, origin },
        { type: 'pointerDown', button: 0 },
        { type: 'pointerUp', button: 0 },
      ];
      await send('input.performActions', { context, actions: [{ type: 'pointer', id: 'mouse', actions }] });
    },
    // As JSON, so that objects come as they are.
    async evaluate<T>(expression: string) {
      const found = await evaluate(`Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`);
      return JSON.parse(String(found?.value)) as T;
    },
    async screenshot() {
      const { data } = await send<{ data: string }>('browsingContext.captureScreenshot', { context });
      return Buffer.from(data, 'base64');
    },
    close,
  };
}

/** Open the socket; what is sent resolves with the answer of the same id. */
async function connect(address: string): Promise<Send> {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`Firefox does not answer at ${address}`));
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as { id?: number; type: string; result?: unknown; message?: string };
    if (typeof message.id !== 'number') return;
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === 'success') asked?.resolve(message.result);
    else asked?.reject(new Error(message.message));
  };
  let last = 0;
  return <T>(method: string, params: object): Promise<T> => {
    last += 1;
    const asked = Promise.withResolvers<unknown>();
    waiting.set(last, asked);
    socket.send(JSON.stringify({ id: last, method, params }));
    return asked.promise as Promise<T>;
  };
}
