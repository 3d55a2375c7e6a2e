import { type ReactNode, useId, useLayoutEffect, useRef, useState } from 'react';

/**
 * A modal dialog: the browser's own `<dialog>`, which traps focus, closes on Escape and returns focus. Put
 * `autoFocus` on what Enter should press; for anything destructive that is Cancel.
 */
export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly testId: string;
  readonly wide?: boolean;
}): ReactNode {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  // What is inside is mounted only once the dialog is open: nothing in a closed one can take the focus.
  const [open, setOpen] = useState(false);
  useLayoutEffect(() => {
    const dialog = element.current;
    if (dialog !== null && !dialog.open) dialog.showModal();
    setOpen(true);
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={title}
      data-testid={props.testId}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      className={`m-auto max-h-[85vh] overflow-auto rounded-lg border border-line bg-surface p-4 text-text shadow-xl ${props.wide === true ? 'w-[min(960px,92vw)]' : 'w-[min(520px,92vw)]'}`}
    >
      <h2 id={title} className="mb-3 text-section font-semibold">
        {props.title}
      </h2>
      {open ? props.children : null}
    </dialog>
  );
}
