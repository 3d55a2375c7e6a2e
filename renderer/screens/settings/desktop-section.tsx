import type { ReactNode } from 'react';
import { Choice, Toggle } from '../../parts/field.tsx';
import { useConsole } from '../../store/console.ts';
import { usePreferences } from './use-preferences.ts';

export function DesktopSection(): ReactNode {
  const { preferences, change, connected } = usePreferences();
  const tray = useConsole((state) => state.host?.tray === true);
  const { launch_at_login, close } = preferences.desktop;
  return (
    <>
      <Toggle
        label="Start Rungate when I log in"
        checked={launch_at_login}
        onChange={(checked) => void change('desktop', { launch_at_login: checked })}
        disabled={!connected}
        testId="settings.launch-at-login"
      />
      <Choice
        label="Closing the window"
        value={close}
        options={[
          ['tray', tray ? 'Keeps Rungate running in the tray' : 'Minimises the window'],
          ['ask', 'Asks'],
          ['quit', 'Quits: agents cannot connect'],
        ]}
        onChange={(value) => void change('desktop', { close: value })}
        disabled={!connected}
        testId="settings.close"
      />
    </>
  );
}
