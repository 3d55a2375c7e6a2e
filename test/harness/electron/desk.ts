import { app, appRecord } from './app.ts';
import { windowRecords } from './browser-window.ts';
import { answerDialog, dialogRecords } from './dialog.ts';
import { host } from './main-link.ts';
import { applicationMenuOf } from './menu.ts';
import { actOnNotification, notificationRecords } from './notification.ts';
import { chooseSystemTheme, clipboardText, openedRecords, powerBlockerTypes, powerMonitor } from './system.ts';
import { chooseFromTray, clickTray, trayRecords } from './tray.ts';

/** Answers the test process about everything outside the windows, and does there what a person would. */
export function openDesk(): void {
  host.serve('desk.read', () => ({
    ...appRecord(),
    notifications: notificationRecords(),
    trays: trayRecords(),
    applicationMenu: applicationMenuOf()?.record() ?? null,
    dialogs: dialogRecords(),
    opened: openedRecords(),
    clipboard: clipboardText(),
    powerBlockers: powerBlockerTypes(),
    windows: windowRecords(),
  }));
  host.serve('desk.act', (act) => {
    switch (act.kind) {
      case 'notification':
        return actOnNotification(act.id, act.act);
      case 'tray-click':
        return clickTray(act.tray);
      case 'menu':
        return chooseFrom(act.menu, act.labels);
      case 'dialog':
        return answerDialog(act.answer);
      case 'power':
        return void powerMonitor.emit(act.event);
      case 'system-theme':
        return chooseSystemTheme(act.dark);
      case 'activate':
        return void app.emit(
          'activate',
          {},
          windowRecords().some(({ visible }) => visible),
        );
    }
  });
}

function chooseFrom(menu: 'tray' | 'application', labels: readonly string[]): void {
  const application = applicationMenuOf();
  if (menu === 'tray') chooseFromTray(labels);
  else if (application === null) throw new Error('the app has no menu');
  else application.choose(labels);
}
