import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { OpenMessage } from '../proxy-core/contract/bridge.ts';
import type { DeskActions } from './actions.ts';
import type { Desk } from './desk-state.ts';

export interface MenuPorts {
  readonly platform: NodeJS.Platform;
  readonly packaged: boolean;
  readonly actions: DeskActions;
  readonly openAt: (message: OpenMessage) => void;
  readonly quit: () => void;
}

/** Set the application's menu; it says whether the agents are paused. */
export function showMenu(desk: Desk, ports: MenuPorts): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(desk, ports)));
}

function menuTemplate({ paused }: Desk, ports: MenuPorts): MenuItemConstructorOptions[] {
  const { platform, packaged, actions, openAt, quit } = ports;
  const go = (label: string, screen: OpenMessage['screen']): MenuItemConstructorOptions => ({
    label,
    click: () => openAt({ kind: 'open', screen, gate_id: null }),
  });
  const settings = { ...go('Settings…', 'settings'), accelerator: 'CommandOrControl+,' };
  const quitItem: MenuItemConstructorOptions = {
    label: 'Quit Rungate',
    accelerator: 'CommandOrControl+Q',
    click: quit,
  };
  const line: MenuItemConstructorOptions = { type: 'separator' };
  const mac: MenuItemConstructorOptions[] = [
    {
      label: 'Rungate',
      submenu: [
        { role: 'about' },
        line,
        settings,
        line,
        { role: 'hide' },
        { role: 'hideOthers' },
        { role: 'unhide' },
        line,
        quitItem,
      ],
    },
  ];
  return [
    ...(platform === 'darwin' ? mac : []),
    {
      label: 'Agents',
      submenu: [
        go('Inbox', 'inbox'),
        go('Runs', 'runs'),
        line,
        {
          label: paused ? 'Resume all agents…' : 'Pause all agents',
          accelerator: 'CommandOrControl+Shift+.',
          click: () => void actions.togglePause(),
        },
        { label: 'Copy base URL', click: () => void actions.copyBaseUrl() },
        ...(platform === 'darwin' ? [] : [line, settings, quitItem]),
      ],
    },
    { role: 'editMenu' },
    {
      label: 'View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        line,
        { role: 'togglefullscreen' },
        ...(packaged ? [] : [{ role: 'toggleDevTools' } as const]),
      ],
    },
    { role: 'windowMenu' },
  ];
}
