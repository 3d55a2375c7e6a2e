import { type ReactNode, useEffect } from 'react';
import { CopyButton } from '../parts/copy-button.tsx';
import { useConsole } from '../store/console.ts';
import { rememberPlace } from '../transport/sign-in.ts';

/** How to get a fresh launch address. */
const COMMAND = 'rungate console --open';

/** A browser without a session: how to get one. It goes on where it was once any tab has signed in. */
export function SignedOut(): ReactNode {
  const problem = useConsole((state) => state.signInProblem);
  useEffect(() => rememberPlace(location.hash, Date.now()), []);
  return (
    <main
      className="flex h-full flex-col items-center justify-center gap-3 p-8 text-center"
      data-testid="shell.signed-out"
    >
      <h1 className="text-title">This browser is not signed in</h1>
      {problem === null ? null : (
        <p role="alert" className="max-w-[60ch]" data-testid="shell.sign-in-problem">
          {problem}
        </p>
      )}
      <p className="max-w-[60ch] text-muted">
        Run this in a terminal on the machine that Rungate runs on. It opens a fresh address of the console, which works
        once, for a minute.
      </p>
      <p className="flex items-center gap-2 rounded border border-line bg-surface px-3 py-1.5">
        <code className="font-mono" data-testid="shell.sign-in-command">
          {COMMAND}
        </code>
        <CopyButton text={COMMAND} label="command" testId="shell.copy-sign-in-command" />
      </p>
      <p className="max-w-[60ch] text-muted">You will be back where you were.</p>
    </main>
  );
}
