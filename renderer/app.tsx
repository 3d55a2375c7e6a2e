import { type ReactNode, useEffect } from 'react';
import { useKeyboard } from './keyboard/use-commands.ts';
import { Loading } from './parts/empty-state.tsx';
import { InboxScreen } from './screens/inbox/inbox-screen.tsx';
import { RunScreen } from './screens/run/run-screen.tsx';
import { RunsScreen } from './screens/runs/runs-screen.tsx';
import { SettingsScreen } from './screens/settings/settings-screen.tsx';
import { Announcer } from './shell/announcer.tsx';
import { applyAppearance } from './shell/appearance.ts';
import { Banners } from './shell/banners.tsx';
import { ShellCommands } from './shell/commands.tsx';
import { Rail } from './shell/rail.tsx';
import { ScreenBoundary } from './shell/screen-boundary.tsx';
import { SignedOut } from './shell/signed-out.tsx';
import { Toasts } from './shell/toasts.tsx';
import { TopBar } from './shell/top-bar.tsx';
import { useConsole } from './store/console.ts';
import { useRoute } from './store/navigation.ts';
import { countPending } from './store/pending.ts';

/** The console: the rail, the top bar, and the screen that the address names. */
export function App(): ReactNode {
  useKeyboard();
  const connection = useConsole((state) => state.connection);
  const appearance = useConsole((state) => state.preferences.appearance);
  const pending = useConsole(countPending);
  const place = useRoute((route) => (route.screen === 'run' ? `run ${route.runId}` : route.screen));
  useEffect(() => applyAppearance(appearance), [appearance]);
  useEffect(() => {
    document.title = pending === 0 ? 'Rungate' : `(${pending}) Rungate`;
  }, [pending]);
  if (connection === 'signed_out') return <SignedOut />;
  return (
    <div className="grid h-full grid-cols-[auto_minmax(0,1fr)] grid-rows-[auto_auto_1fr]">
      <a href="#main" className="sr-only focus:not-sr-only">
        Skip to content
      </a>
      <Rail />
      <TopBar />
      <Banners />
      <main id="main" tabIndex={-1} className="col-start-2 min-h-0 min-w-0 outline-none">
        {connection === 'starting' ? (
          <Loading what="the console" />
        ) : (
          <ScreenBoundary key={place}>
            <Screen />
          </ScreenBoundary>
        )}
      </main>
      <ShellCommands />
      <Toasts />
      <Announcer />
    </div>
  );
}

function Screen(): ReactNode {
  const route = useRoute();
  switch (route.screen) {
    case 'inbox':
      return <InboxScreen route={route} />;
    case 'runs':
      return <RunsScreen route={route} />;
    case 'run':
      return <RunScreen key={route.runId} route={route} />;
    case 'settings':
      return <SettingsScreen section={route.section} />;
  }
}
