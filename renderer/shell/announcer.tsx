import type { ReactNode } from 'react';
import { useAnnouncement } from '../store/announcer.ts';

/** The live region; a no-break space in turn makes the same text be read again. */
export function Announcer(): ReactNode {
  const { text, turn } = useAnnouncement();
  return (
    <div role="status" aria-live="polite" className="sr-only" data-testid="shell.announcer">
      {turn % 2 === 0 ? text : `${text}\u00a0`}
    </div>
  );
}
