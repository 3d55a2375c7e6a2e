import { Check, Copy } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { announce } from '../store/announcer.ts';
import { toast } from '../store/toasts.ts';

const SHOWN_MS = 1500;

/** Copies a text; says so. `label` names what is copied. */
export function CopyButton(props: {
  readonly text: string;
  readonly label: string;
  readonly testId: string;
  /** Shown beside the icon; without it the button is the icon alone. */
  readonly children?: ReactNode;
}): ReactNode {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (): Promise<void> => {
    if (!(await copyText(props.text))) return toast(`${props.label} could not be copied`, 'failed');
    setCopied(true);
    announce(`${props.label} copied`);
  };
  const Icon = copied ? Check : Copy;
  return (
    <button
      type="button"
      data-testid={props.testId}
      aria-label={`Copy ${props.label}`}
      title={`Copy ${props.label}`}
      onClick={() => void copy()}
      className="inline-flex min-h-7 min-w-7 items-center justify-center gap-1.5 rounded px-1.5 text-muted hover:bg-hover hover:text-text"
    >
      <Icon size={14} strokeWidth={1.5} aria-hidden="true" />
      {props.children}
    </button>
  );
}

/** Whether the text is now in the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
