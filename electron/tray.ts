import { Menu, type MenuItemConstructorOptions, Tray } from 'electron';
import type { OpenMessage } from '../proxy-core/contract/bridge.ts';
import type { GateRecord } from '../proxy-core/contract/records.ts';
import { renderDesktopNotice } from '../proxy-core/notify/desktop-notice.ts';
import { kindOfTool } from '../proxy-core/policy/tool-kinds.ts';
import { BUILT_IN } from '../proxy-core/redaction/redactor.ts';
import { type DeskActions, isQuietNow } from './actions.ts';
import type { Desk } from './desk-state.ts';
import { trayIcon } from './icons.ts';

export interface TrayPorts {
  readonly platform: NodeJS.Platform;
  readonly address: string;
  readonly actions: DeskActions;
  readonly openAt: (message: OpenMessage) => void;
  readonly quit: () => void;
}

export interface DeskTray {
  show(desk: Desk): void;
  destroy(): void;
}

/** The icon in the tray (console §2.13). Null where there is no tray (electron#53213). */
export function createTray(ports: TrayPorts): DeskTray | null {
  const tray = openTray(ports.platform);
  if (tray === null) return null;
  tray.on('click', () => ports.openAt(INBOX));
  return {
    show(desk) {
      const { pending, paused } = desk;
      tray.setToolTip(`Rungate: ${statusOf(desk, ports.address)}`);
      if (ports.platform === 'darwin') tray.setTitle(pending.length === 0 ? '' : String(pending.length));
      // Linux draws a menu once: it is set anew for every change.
      tray.setContextMenu(Menu.buildFromTemplate(trayTemplate(desk, ports, paused)));
    },
    destroy: () => tray.destroy(),
  };
}

function openTray(platform: NodeJS.Platform): Tray | null {
  try {
    return new Tray(trayIcon(platform));
  } catch {
    return null;
  }
}

const INBOX: OpenMessage = { kind: 'open', screen: 'inbox', gate_id: null };
const SHOWN = 3;

const statusOf = ({ paused, pending }: Desk, address: string): string =>
  [paused ? 'paused' : 'running', address, ...(pending.length === 0 ? [] : [`${pending.length} waiting`])].join(' · ');

function trayTemplate(desk: Desk, ports: TrayPorts, paused: boolean): MenuItemConstructorOptions[] {
  const { actions, openAt, quit, address } = ports;
  return [
    { label: `${paused ? 'Paused' : 'Running'} · ${address}`, enabled: false },
    waitingItem(desk, openAt),
    { type: 'separator' },
    { label: paused ? 'Resume all agents…' : 'Pause all agents', click: () => void actions.togglePause() },
    {
      label: isQuietNow(desk, Date.now()) ? 'End quiet time' : 'Quiet for 1 h',
      click: () => void actions.toggleQuiet(),
    },
    { label: 'Copy base URL', click: () => void actions.copyBaseUrl() },
    { type: 'separator' },
    { label: 'Open Rungate', click: () => openAt(INBOX) },
    { label: 'Quit', click: quit },
  ];
}

/** The latest gates, to be reviewed only: nothing is decided from a menu. */
function waitingItem({ pending, preferences }: Desk, openAt: TrayPorts['openAt']): MenuItemConstructorOptions {
  if (pending.length === 0) return { label: 'Nothing waiting', enabled: false };
  const { privacy } = preferences.notifications;
  const items: MenuItemConstructorOptions[] = pending.slice(0, SHOWN).map((gate) => ({
    label: `Review ${titleOf(gate, privacy)}`,
    click: () => openAt({ kind: 'open', screen: 'inbox', gate_id: gate.gate_id }),
  }));
  const all: MenuItemConstructorOptions = { label: 'Open the inbox', click: () => openAt(INBOX) };
  return { label: `${pending.length} waiting`, submenu: [...items, { type: 'separator' }, all] };
}

function titleOf(gate: GateRecord, privacy: boolean): string {
  const { agent, title } = renderDesktopNotice(gate, kindOfTool, BUILT_IN);
  // An ampersand marks a menu's shortcut key.
  return (privacy ? agent : title).replaceAll('&', '&&');
}
