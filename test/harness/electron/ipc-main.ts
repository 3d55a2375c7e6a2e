import { EventEmitter } from 'node:events';
import type { IpcMain } from 'electron';
import { failOnGaps } from './not-implemented.ts';

type Listener = (event: object, ...args: unknown[]) => unknown;

/** The main process's end of IPC: `ipcMain`, or the one of a single window. */
export function createIpcMain(name: string) {
  const events = new EventEmitter();
  const handlers = new Map<string, Listener>();
  const methods = {
    handle(channel: string, listener: Listener) {
      if (handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
      handlers.set(channel, listener);
    },
    handleOnce(channel: string, listener: Listener) {
      methods.handle(channel, (event, ...args) => {
        handlers.delete(channel);
        return listener(event, ...args);
      });
    },
    removeHandler: (channel: string) => void handlers.delete(channel),
  } satisfies { [N in keyof IpcMain]?: unknown };
  return {
    api: failOnGaps(name, Object.assign(events, methods)),
    handlerOf: (channel: string): Listener | undefined => handlers.get(channel),
    emit: (channel: string, event: object, args: readonly unknown[]): boolean => events.emit(channel, event, ...args),
  };
}

export type IpcEnd = ReturnType<typeof createIpcMain>;

/** Electron's `ipcMain`. */
export const mainEnd: IpcEnd = createIpcMain('ipcMain');
