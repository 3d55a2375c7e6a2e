import { type ReactNode, useMemo, useState } from 'react';
import { useCommands } from '../keyboard/use-commands.ts';
import { navigate } from '../store/navigation.ts';
import { KeyboardHelp } from './keyboard-help.tsx';
import { Palette } from './palette.tsx';
import { pauseAll, usePaused } from './pause.ts';
import { ConfirmResume } from './top-bar.tsx';

/** What keys do on every screen, and the dialogs they open. */
export function ShellCommands(): ReactNode {
  const [open, setOpen] = useState<'palette' | 'help' | 'resume' | null>(null);
  const paused = usePaused();
  const actions = useMemo(
    () => ({
      palette: () => setOpen('palette'),
      search: () => setOpen('palette'),
      help: () => setOpen('help'),
      'pause.all': () => (paused ? setOpen('resume') : void pauseAll()),
      'go.inbox': () => navigate({ screen: 'inbox', tab: 'pending', gateId: null }),
      'go.runs': () => navigate({ screen: 'runs', query: '' }),
      'go.settings': () => navigate({ screen: 'settings', section: null }),
    }),
    [paused],
  );
  useCommands(actions);
  const close = (): void => setOpen(null);
  switch (open) {
    case 'palette':
      return <Palette onClose={close} />;
    case 'help':
      return <KeyboardHelp onClose={close} />;
    case 'resume':
      return <ConfirmResume onClose={close} />;
    case null:
      return null;
  }
}
