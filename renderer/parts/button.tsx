import type { ComponentPropsWithRef, ReactNode } from 'react';

const LOOKS = {
  plain: 'border-control bg-surface text-text hover:bg-hover',
  primary: 'border-accent bg-accent text-on-accent hover:opacity-90',
  danger: 'border-rejected bg-rejected text-on-rejected hover:opacity-90',
  quiet: 'border-transparent bg-transparent text-text hover:bg-hover',
} as const;

interface ButtonProps extends ComponentPropsWithRef<'button'> {
  readonly look?: keyof typeof LOOKS;
  /** The key that does the same, shown beside the label. */
  readonly shortcut?: string;
  readonly icon?: ReactNode;
}

/** A button; at least 28 px high. */
export function Button({ look = 'plain', shortcut, icon, className = '', children, ...rest }: ButtonProps): ReactNode {
  return (
    <button
      type="button"
      className={`inline-flex min-h-7 items-center gap-1.5 rounded border px-3 py-0.5 transition-colors duration-[120ms] disabled:opacity-50 ${LOOKS[look]} ${className}`}
      {...(shortcut === undefined ? {} : { 'aria-keyshortcuts': shortcut })}
      {...rest}
    >
      {icon}
      {children}
      {shortcut === undefined ? null : <Keycap keys={shortcut} />}
    </button>
  );
}

/** What `Mod` is called on this system. */
const MOD = navigator.userAgent.includes('Mac') ? '⌘' : 'Ctrl';

/** A key as it is drawn beside what it does. */
export function Keycap({ keys }: { readonly keys: string }): ReactNode {
  return (
    <span aria-hidden="true" className="rounded-[3px] border border-current px-1 font-mono text-minimum opacity-80">
      {keys.replace('Mod', MOD)}
    </span>
  );
}
