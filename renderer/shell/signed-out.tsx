import { type ReactNode, useEffect } from 'react';
import { CopyButton } from '../parts/copy-button.tsx';
import { useConsole } from '../store/console.ts';
import type { SignIn } from '../store/console-state.ts';
import { rememberPlace } from '../transport/sign-in.ts';

/** A browser without a session: how to get one. It goes on where it was once any tab has signed in. */
export function SignedOut(): ReactNode {
  const problem = useConsole((state) => state.signInProblem);
  const { command, where } = useSignIn();
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
        Run this in a terminal on the machine that Rungate runs on{where === null ? '' : `, ${where}`}. It opens a fresh
        address of the console, which works once, for a minute.
      </p>
      <p className="flex items-center gap-2 rounded border border-line bg-surface px-3 py-1.5">
        <code className="font-mono" data-testid="shell.sign-in-command">
          {command}
        </code>
        <CopyButton text={command} label="command" testId="shell.copy-sign-in-command" />
      </p>
      <p className="max-w-[60ch] text-muted">You will be back where you were.</p>
    </main>
  );
}

/** A page that was signed in before knows more than a stranger is told: the command that works in any folder. */
function useSignIn(): SignIn {
  const program = useConsole((state) => state.status?.program ?? null);
  const told = useConsole((state) => state.signIn);
  if (program !== null) return { command: `${program} console --open`, where: null };
  return told ?? { command: 'rungate console --open', where: null };
}
