import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { dismissToast, useToasts } from '../store/toasts.ts';

export function Toasts(): ReactNode {
  const { toasts } = useToasts();
  return (
    <div
      role="log"
      aria-label="Messages"
      className="pointer-events-none fixed right-4 bottom-4 z-50 flex flex-col gap-2"
    >
      {toasts.map(({ id, text, kind }) => (
        <div
          key={id}
          role={kind === 'failed' ? 'alert' : 'status'}
          data-testid="shell.toast"
          className={`pointer-events-auto flex max-w-[420px] items-start gap-3 rounded border bg-surface p-3 shadow-lg ${kind === 'failed' ? 'border-rejected' : 'border-control'}`}
        >
          <span className="untrusted flex-1">{text}</span>
          <button
            type="button"
            aria-label="Dismiss"
            className="rounded p-1 hover:bg-hover"
            onClick={() => dismissToast(id)}
          >
            <X size={14} aria-hidden="true" />
          </button>
        </div>
      ))}
    </div>
  );
}
