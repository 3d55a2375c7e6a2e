import type { ReactNode } from 'react';

/** What a place says when there is nothing in it: why, and what to do next. */
export function EmptyState(props: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly testId: string;
}): ReactNode {
  return (
    <div data-testid={props.testId} className="flex h-full flex-col items-center justify-center gap-3 p-8 text-center">
      <p className="text-section">{props.title}</p>
      {props.children === undefined ? null : (
        <div className="flex flex-col items-center gap-3 text-muted">{props.children}</div>
      )}
    </div>
  );
}

/** Shown when loading takes longer than a blink; the text says what is loaded. */
export function Loading({ what, onCancel }: { readonly what: string; readonly onCancel?: () => void }): ReactNode {
  return (
    <div role="status" className="flex h-full items-center justify-center gap-3 p-8 text-muted">
      <span>Loading {what}…</span>
      {onCancel === undefined ? null : (
        <button type="button" className="underline" onClick={onCancel}>
          Cancel
        </button>
      )}
    </div>
  );
}

/** A failure: what happened, why, what to do. */
export function FailureNote(props: {
  readonly message: string;
  readonly recover?: string | undefined;
  readonly onRetry?: () => void;
  readonly testId: string;
}): ReactNode {
  return (
    <div role="alert" data-testid={props.testId} className="m-4 rounded border border-rejected p-3">
      <p>{props.message}</p>
      {props.recover === undefined ? null : <p className="text-muted">{props.recover}</p>}
      {props.onRetry === undefined ? null : (
        <button type="button" className="mt-2 min-h-7 rounded border border-control px-3" onClick={props.onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
