import { EventEmitter } from 'node:events';
import type { TrayRecord } from './desk-record.ts';
import { readLaunch } from './launch.ts';
import type { HarnessMenu } from './menu.ts';
import { failOnGaps } from './not-implemented.ts';
import { createEvent } from './preventable.ts';

const launch = readLaunch();
const trays: HarnessTray[] = [];

/** Electron's `Tray`. */
class HarnessTray extends EventEmitter {
  menu: HarnessMenu | null = null;
  private tooltip = '';
  private title = '';
  private destroyed = false;

  constructor() {
    super();
    if (!launch.tray) throw new Error('Failed to create a tray icon');
    trays.push(this);
  }

  setContextMenu(menu: HarnessMenu | null): void {
    this.menu = menu;
  }

  setToolTip(tooltip: string): void {
    this.tooltip = tooltip;
  }

  setTitle(title: string): void {
    this.title = title;
  }

  getTitle(): string {
    return this.title;
  }

  setImage(): void {}
  setPressedImage(): void {}
  setIgnoreDoubleClickEvents(): void {}
  popUpContextMenu(): void {}
  displayBalloon(): void {}

  isDestroyed(): boolean {
    return this.destroyed;
  }

  destroy(): void {
    this.destroyed = true;
    trays.splice(trays.indexOf(this), 1);
  }

  record(): TrayRecord {
    return { tooltip: this.tooltip, title: this.title, menu: this.menu?.record() ?? null };
  }
}

/** Electron's `Tray`. */
export const Tray = failOnGaps('Tray', HarnessTray);

/** The icons in the tray. */
export const trayRecords = (): readonly TrayRecord[] => trays.map((tray) => tray.record());

/** The person clicks an icon. */
export const clickTray = (index: number): void => void trayAt(index).emit('click', createEvent({}), {}, {});

/** The person chooses from the first icon's menu. */
export function chooseFromTray(labels: readonly string[]): void {
  const { menu } = trayAt(0);
  if (menu === null) throw new Error('the tray icon has no menu');
  menu.choose(labels);
}

function trayAt(index: number): HarnessTray {
  const found = trays[index];
  if (found === undefined) throw new Error(`there is no tray icon ${index}`);
  return found;
}
