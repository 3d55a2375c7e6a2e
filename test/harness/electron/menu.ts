import type { MenuItemConstructorOptions } from 'electron';
import { app } from './app.ts';
import { BrowserWindow } from './browser-window.ts';
import type { MenuRecord } from './desk-record.ts';
import { failOnGaps, notImplemented } from './not-implemented.ts';

type Click = (item: HarnessMenuItem, window: unknown, event: object) => void;

/** Electron's `MenuItem`. */
class HarnessMenuItem {
  id: string;
  label: string;
  sublabel: string;
  type: string;
  role: string | null;
  accelerator: string | null;
  enabled: boolean;
  visible: boolean;
  checked: boolean;
  readonly submenu: HarnessMenu | null;
  readonly click: Click | null;

  constructor(options: MenuItemConstructorOptions) {
    const { submenu } = options;
    this.id = options.id ?? '';
    this.label = options.label ?? options.role ?? '';
    this.sublabel = options.sublabel ?? '';
    this.type = options.type ?? (submenu === undefined ? 'normal' : 'submenu');
    this.role = options.role ?? null;
    this.accelerator = options.accelerator ?? null;
    this.enabled = options.enabled ?? true;
    this.visible = options.visible ?? true;
    this.checked = options.checked ?? false;
    const built = submenu as unknown as HarnessMenu | undefined;
    this.submenu = Array.isArray(submenu) ? HarnessMenu.buildFromTemplate(submenu) : (built ?? null);
    this.click = (options.click as unknown as Click | undefined) ?? null;
  }
}

let applicationMenu: HarnessMenu | null = null;

/** Electron's `Menu`. */
class HarnessMenu {
  readonly items: HarnessMenuItem[] = [];

  static buildFromTemplate(template: readonly (MenuItemConstructorOptions | HarnessMenuItem)[]): HarnessMenu {
    const menu = new HarnessMenu();
    for (const item of template) menu.append(item instanceof HarnessMenuItem ? item : new HarnessMenuItem(item));
    return menu;
  }

  static setApplicationMenu(menu: HarnessMenu | null): void {
    applicationMenu = menu;
  }

  static getApplicationMenu(): HarnessMenu | null {
    return applicationMenu;
  }

  append(item: HarnessMenuItem): void {
    this.items.push(item);
  }

  insert(position: number, item: HarnessMenuItem): void {
    this.items.splice(position, 0, item);
  }

  getMenuItemById(id: string): HarnessMenuItem | null {
    return this.items.find((item) => item.id === id) ?? null;
  }

  popup(): void {
    throw notImplemented('Menu.popup');
  }

  /** What a person sees of this menu. */
  record(): readonly MenuRecord[] {
    return this.items
      .filter(({ visible }) => visible)
      .map(({ label, type, enabled, checked, role, accelerator, submenu }) => ({
        label,
        type,
        enabled,
        checked,
        role,
        accelerator,
        submenu: submenu?.record() ?? null,
      }));
  }

  /** Choose an item by the labels on the way to it. Throws for one that a person could not choose. */
  choose(labels: readonly string[]): void {
    const [label, ...rest] = labels;
    const item = this.items.find((candidate) => candidate.visible && candidate.label === label);
    const offered = this.items.map((candidate) => candidate.label || candidate.type).join(' | ');
    if (item === undefined) throw new Error(`no menu item "${label}" but: ${offered}`);
    if (!item.enabled) throw new Error(`the menu item "${label}" is disabled`);
    if (rest.length > 0) {
      if (item.submenu === null) throw new Error(`the menu item "${label}" has no submenu`);
      item.submenu.choose(rest);
      return;
    }
    if (item.type === 'checkbox') item.checked = !item.checked;
    const window = BrowserWindow.getFocusedWindow();
    if (item.click !== null) item.click(item, window, {});
    else if (item.role === 'quit') app.quit();
    else if (item.role === 'close') window?.close();
    else if (item.role !== null) throw notImplemented(`the menu role ${item.role}`);
  }
}

/** Electron's `Menu`. */
export const Menu = failOnGaps('Menu', HarnessMenu);

/** Electron's `MenuItem`. */
export const MenuItem = failOnGaps('MenuItem', HarnessMenuItem);

export type { HarnessMenu };

/** The application's menu; null: it has none. */
export const applicationMenuOf = (): HarnessMenu | null => applicationMenu;
