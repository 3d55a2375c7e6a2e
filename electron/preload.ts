/**
 * Threat: whatever is exposed here, a script that got into the page has too. So the page gets two functions and no
 * object of Electron: `invoke` sends one message on one channel, `listen` hears one channel. What a message may say is
 * checked in the main process (`ipc.ts`), which trusts nothing that comes from here.
 */
import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';
import type { DesktopBridge } from '../proxy-core/contract/bridge.ts';
import { EVENT_CHANNEL, INVOKE_CHANNEL } from '../proxy-core/contract/bridge-channels.ts';

const bridge: DesktopBridge = {
  invoke: (message) => ipcRenderer.invoke(INVOKE_CHANNEL, message),
  listen(listener) {
    // The event itself holds the sender, which is not the page's business.
    const heard = (_event: IpcRendererEvent, message: unknown): void => listener(message);
    ipcRenderer.on(EVENT_CHANNEL, heard);
    return () => {
      ipcRenderer.removeListener(EVENT_CHANNEL, heard);
    };
  },
};

contextBridge.exposeInMainWorld('rungate', bridge);
