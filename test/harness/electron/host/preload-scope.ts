import type { WorldEnd } from './world-bridge.ts';

/** What the isolated world's script is given; it runs from its source, so everything it needs comes in here. */
export interface PreloadSettings {
  readonly platform: string;
  readonly argv: readonly string[];
}

interface Tools {
  readonly end: WorldEnd;
  readonly toText: (value: unknown) => string;
  readonly fromText: (text: string) => unknown;
  /** The binding that only this world has. */
  readonly post: (text: string) => void;
  readonly preload: (require: (name: string) => unknown, process: object) => void;
  readonly settings: PreloadSettings;
}

/** Run the app's preload in the isolated world with `require('electron')` and nothing else. */
export function runPreload({ end, toText, fromText, post, preload, settings }: Tools): void {
  type Listener = (event: object, ...args: unknown[]) => void;
  const listeners = new Map<string, Listener[]>();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let next = 0;
  const ipcRenderer = {
    invoke: (channel: string, ...args: unknown[]): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const id = next++;
        const text = toText({ kind: 'invoke', id, channel, args });
        waiting.set(id, { resolve, reject });
        post(text);
      }),
    send: (channel: string, ...args: unknown[]): void => post(toText({ kind: 'send', channel, args })),
    on(channel: string, listener: Listener) {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
      return ipcRenderer;
    },
    once(channel: string, listener: Listener) {
      const first: Listener = (event, ...args) => {
        ipcRenderer.off(channel, first);
        listener(event, ...args);
      };
      return ipcRenderer.on(channel, first);
    },
    off(channel: string, listener: Listener) {
      listeners.set(
        channel,
        (listeners.get(channel) ?? []).filter((one) => one !== listener),
      );
      return ipcRenderer;
    },
    removeListener: (channel: string, listener: Listener) => ipcRenderer.off(channel, listener),
    removeAllListeners(channel: string) {
      listeners.delete(channel);
      return ipcRenderer;
    },
  };
  const contextBridge = { exposeInMainWorld: (key: string, api: unknown) => end.expose(key, api) };
  type Incoming =
    | { kind: 'event'; channel: string; args: unknown[] }
    | { kind: 'answer'; id: number; value: unknown }
    | { kind: 'failure'; id: number; message: string };
  const receive = (text: string): void => {
    const message = fromText(text) as Incoming;
    switch (message.kind) {
      case 'event':
        for (const listener of listeners.get(message.channel) ?? []) {
          listener({ sender: ipcRenderer, senderId: 0, ports: [] }, ...message.args);
        }
        return;
      case 'answer':
        waiting.get(message.id)?.resolve(message.value);
        waiting.delete(message.id);
        return;
      case 'failure':
        waiting.get(message.id)?.reject(new Error(message.message));
        waiting.delete(message.id);
        return;
    }
  };
  Object.defineProperty(globalThis, '__receiveFromMain', { value: receive });
  const require = (name: string): unknown => {
    if (name === 'electron') return { contextBridge, ipcRenderer };
    throw new Error(`module not found: ${name}`);
  };
  const process = { platform: settings.platform, argv: settings.argv, contextIsolated: true, sandboxed: true };
  preload(require, { ...process, type: 'renderer', env: {}, versions: {} });
}
