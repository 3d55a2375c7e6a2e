import { create } from 'zustand';

/** Short messages at the foot of the window: what a command did, or why it did not. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: 'done' | 'failed';
}

export const useToasts = create<{ readonly toasts: readonly Toast[] }>(() => ({ toasts: [] }));

const SHOWN_MS = 6000;
let latest = 0;

/** Show a message; one that says a thing failed stays until it is dismissed. */
export function toast(text: string, kind: Toast['kind'] = 'done'): void {
  latest += 1;
  const id = latest;
  useToasts.setState(({ toasts }) => ({ toasts: [...toasts.slice(-2), { id, text, kind }] }));
  if (kind === 'done') setTimeout(() => dismissToast(id), SHOWN_MS);
}

export const dismissToast = (id: number): void =>
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((each) => each.id !== id) }));
