import { type ComponentPropsWithRef, type ReactNode, useId } from 'react';

/** Labelled controls of forms. */

interface Labelled {
  readonly label: string;
  readonly hint?: ReactNode;
}

/** A check box with its label and an explanation. */
export function Toggle(
  props: Labelled & {
    readonly checked: boolean;
    readonly onChange: (checked: boolean) => void;
    readonly disabled?: boolean;
    readonly testId: string;
  },
): ReactNode {
  const id = useId();
  return (
    <div className="flex items-start gap-2 py-1.5">
      <input
        id={id}
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.target.checked)}
        data-testid={props.testId}
        className="mt-0.5 size-4 accent-[var(--accent)]"
      />
      <div>
        <label htmlFor={id}>{props.label}</label>
        {props.hint === undefined ? null : <p className="text-small text-muted">{props.hint}</p>}
      </div>
    </div>
  );
}

/** A choice of a few, as the browser's own select. */
export function Choice<T extends string>(
  props: Labelled & {
    readonly value: T;
    readonly options: readonly (readonly [T, string])[];
    readonly onChange: (value: T) => void;
    readonly disabled?: boolean;
    readonly testId: string;
  },
): ReactNode {
  const id = useId();
  return (
    <div className="flex items-center gap-3 py-1.5">
      <label htmlFor={id} className="w-48">
        {props.label}
      </label>
      <div>
        <select
          id={id}
          value={props.value}
          disabled={props.disabled}
          onChange={(event) => {
            const chosen = props.options.find(([value]) => value === event.target.value);
            if (chosen !== undefined) props.onChange(chosen[0]);
          }}
          data-testid={props.testId}
          className="h-8 rounded border border-control bg-surface px-2"
        >
          {props.options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
        {props.hint === undefined ? null : <p className="text-small text-muted">{props.hint}</p>}
      </div>
    </div>
  );
}

/** A line of text with its label. */
export function TextField({
  label,
  hint,
  testId,
  ...rest
}: Labelled & { readonly testId: string } & Omit<ComponentPropsWithRef<'input'>, 'id'>): ReactNode {
  const id = useId();
  return (
    <div className="flex items-center gap-3 py-1.5">
      <label htmlFor={id} className="w-48">
        {label}
      </label>
      <div className="flex-1">
        <input
          id={id}
          data-testid={testId}
          className="h-8 w-full rounded border border-control bg-surface px-2 disabled:opacity-50"
          {...rest}
        />
        {hint === undefined ? null : <p className="text-small text-muted">{hint}</p>}
      </div>
    </div>
  );
}

/** Facts as name and value. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="grid grid-cols-[12rem_1fr] gap-x-3 gap-y-1">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="untrusted">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
