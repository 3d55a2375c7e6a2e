import type { ReactNode } from 'react';

/** A browser without a session: how to get one. */
export function SignedOut(): ReactNode {
  return (
    <main
      className="flex h-full flex-col items-center justify-center gap-3 p-8 text-center"
      data-testid="shell.signed-out"
    >
      <h1 className="text-title">This browser is not signed in</h1>
      <p className="max-w-[60ch] text-muted">
        A launch address works once, for a minute. Stop <code className="font-mono">rungate serve</code> and start it
        again to get a new one, or start it with <code className="font-mono">--open</code>.
      </p>
    </main>
  );
}
