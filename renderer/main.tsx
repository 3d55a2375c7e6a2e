import './transport/no-eval.ts';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { openMessage } from '../proxy-core/contract/bridge.ts';
import { App } from './app.tsx';
import { startWebNotices } from './shell/web-notices.ts';
import { noteSignInProblem, startConsole, useConsole } from './store/console.ts';
import { follow, navigate } from './store/navigation.ts';
import { connect } from './transport/transport.ts';
import './theme.css';

/** A click on a notification, the tray or a menu lands where it says. */
function followHost(): void {
  window.rungate?.listen((message) => {
    const open = openMessage.safeParse(message);
    if (!open.success) return;
    const { screen, gate_id } = open.data;
    if (screen === 'inbox') navigate({ screen, tab: 'pending', gateId: gate_id });
    else if (screen === 'runs') navigate({ screen, query: '' });
    else navigate({ screen, section: null });
  });
}

/** A tab that was waiting for a sign-in goes on where it is. */
function continueSignedIn(): void {
  if (useConsole.getState().connection === 'signed_out') location.reload();
}

async function start(): Promise<void> {
  const connection = await connect({ failed: noteSignInProblem, addressed: follow, elsewhere: continueSignedIn });
  followHost();
  startWebNotices();
  await startConsole(connection);
}

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
void start();
