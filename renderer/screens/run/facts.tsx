import type { ReactNode } from 'react';

/** Names and values of one thing, in two columns; a null value is left out. */
export function FactList({
  facts,
  testId,
}: {
  readonly facts: readonly (readonly [string, ReactNode])[];
  readonly testId?: string;
}) {
  return (
    <dl data-testid={testId} className="grid grid-cols-[minmax(96px,9rem)_minmax(0,1fr)] gap-x-3 gap-y-1.5">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="untrusted">{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A titled part of a panel. */
export function Part({
  title,
  children,
  testId,
}: {
  readonly title: string;
  readonly children: ReactNode;
  readonly testId?: string;
}) {
  return (
    <section data-testid={testId} className="border-b border-line p-4 last:border-b-0">
      <h2 className="mb-2 text-small font-semibold text-muted">{title}</h2>
      {children}
    </section>
  );
}
