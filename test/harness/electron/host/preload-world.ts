import { randomBytes } from 'node:crypto';
import type { CDPSession, Page } from '@playwright/test';
import type { FrameFacts } from '../messages.ts';
import { toApp } from '../scheme-urls.ts';
import { cloneFromText, cloneToText } from './clone-text.ts';
import { type PreloadSettings, runPreload } from './preload-scope.ts';
import { openWorldEnd } from './world-bridge.ts';

/** What the preload of a page sends to the main process. */
export type FromPreload =
  | { readonly kind: 'invoke'; readonly id: number; readonly channel: string; readonly args: readonly unknown[] }
  | { readonly kind: 'send'; readonly channel: string; readonly args: readonly unknown[] };

/** The isolated world in which a page's preload runs. */
export interface PreloadWorld {
  /** Hand a message of the main process to the preload; lost while there is no document, as in Electron. */
  send(channel: string, args: readonly unknown[]): Promise<void>;
}

const WORLD = 'electron-preload';
const BINDING = '__postToMain';

interface Context {
  readonly id: number;
  readonly frame: FrameFacts;
}

/**
 * Give a page the app's preload, in a world of its own for every document of its main frame. `onMessage` answers what
 * the preload invokes.
 */
export async function openPreloadWorld(
  page: Page,
  session: CDPSession,
  preload: string,
  settings: PreloadSettings,
  onMessage: (message: FromPreload, frame: FrameFacts) => Promise<unknown>,
): Promise<PreloadWorld> {
  const contexts = new Map<number, Context>();
  const { frameTree } = await session.send('Page.getFrameTree');
  const mainFrame = frameTree.frame.id;
  session.on('Runtime.executionContextCreated', ({ context }) => {
    if (context.name !== WORLD) return;
    const id = (context.auxData as { readonly frameId?: string } | undefined)?.frameId ?? '';
    contexts.set(context.id, { id: context.id, frame: { id, url: context.origin, isMain: id === mainFrame } });
  });
  session.on('Runtime.executionContextDestroyed', ({ executionContextId }) => contexts.delete(executionContextId));
  session.on('Runtime.executionContextsCleared', () => contexts.clear());
  const post = async (contextId: number, message: unknown): Promise<void> => {
    const expression = `__receiveFromMain(${JSON.stringify(cloneToText(message))})`;
    // The document may be gone by now, and with it whoever waited.
    await session.send('Runtime.evaluate', { contextId, expression }).catch(() => undefined);
  };
  session.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
    const context = contexts.get(executionContextId);
    if (name !== BINDING || context === undefined) return;
    const message = cloneFromText(payload) as FromPreload;
    const frame = { ...context.frame, url: toApp(context.frame.isMain ? page.url() : context.frame.url) };
    onMessage(message, frame).then(
      (value) => (message.kind === 'invoke' ? post(context.id, { kind: 'answer', id: message.id, value }) : undefined),
      (error: unknown) => {
        if (message.kind !== 'invoke') return undefined;
        const text = `Error invoking remote method '${message.channel}': ${(error as Error).message}`;
        return post(context.id, { kind: 'failure', id: message.id, message: text });
      },
    );
  });
  await session.send('Runtime.enable');
  await session.send('Page.enable');
  await session.send('Runtime.addBinding', { name: BINDING, executionContextName: WORLD });
  // A name that no page can guess: whoever knew it could speak to the preload's end.
  const secret = randomBytes(16).toString('hex');
  await session.send('Page.addScriptToEvaluateOnNewDocument', { source: pageScript(secret) });
  await session.send('Page.addScriptToEvaluateOnNewDocument', {
    source: preloadScript(secret, preload, settings),
    worldName: WORLD,
  });
  return {
    async send(channel, args) {
      const context = [...contexts.values()].findLast(({ frame }) => frame.isMain);
      if (context !== undefined) await post(context.id, { kind: 'event', channel, args });
    },
  };
}

/** A preload belongs to the main frame only, and to documents, not to the blank page a window begins with. */
const IN_MAIN_FRAME = 'if (window.parent === window && location.href !== "about:blank")';

const pageScript = (secret: string): string =>
  `${IN_MAIN_FRAME} { (${String(openWorldEnd)})(${JSON.stringify(secret)}, 'page'); }`;

const preloadScript = (secret: string, preload: string, settings: PreloadSettings): string => `${IN_MAIN_FRAME} {
  (${String(runPreload)})({
    end: (${String(openWorldEnd)})(${JSON.stringify(secret)}, 'preload'),
    toText: ${String(cloneToText)},
    fromText: ${String(cloneFromText)},
    post: (text) => globalThis[${JSON.stringify(BINDING)}](text),
    preload: (require, process) => {
      const module = { exports: {} };
      (function (require, module, exports, process) {${preload}
      })(require, module, module.exports, process);
    },
    settings: ${JSON.stringify(settings)},
  });
}`;
