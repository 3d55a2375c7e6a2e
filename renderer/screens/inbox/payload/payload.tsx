import { Columns2, Rows3, TriangleAlert } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import type { ActionView } from '../../../../proxy-core/contract/gate-card.ts';
import { CopyButton } from '../../../parts/copy-button.tsx';
import { hidesSomething, VisibleText } from '../../../parts/visible-text.tsx';
import { reviewKey, toggleDiffMode, useInboxStore } from '../inbox-store.ts';
import { DiffPayload } from './diff-payload.tsx';
import { viewExtent, viewText } from './extent.ts';
import { HttpPayload } from './http-payload.tsx';
import { JsonPayload } from './json-payload.tsx';
import { LongText } from './long-text.tsx';
import { ReviewBox } from './review-box.tsx';
import { ShellFacts, ShellPayload } from './shell-payload.tsx';
import { SqlFacts, SqlPayload } from './sql-payload.tsx';

export type ViewOf<K extends ActionView['view']> = Extract<ActionView, { readonly view: K }>;

/**
 * One proposed call, complete: never cut, wrapped, never HTML. Its arguments as the model wrote them are one toggle
 * away.
 */
export function Payload(props: {
  readonly view: ActionView;
  readonly actionHash: string;
  readonly index: number;
}): ReactNode {
  const { view, actionHash, index } = props;
  const [form, setForm] = useState<Form>('shown');
  const extent = useMemo(() => viewExtent(view), [view]);
  const hides = useMemo(() => hidesSomething(viewText(view)) || hidesSomething(view.tool), [view]);
  return (
    <section
      aria-label={`Proposed call ${index + 1}`}
      data-testid="inbox.payload"
      data-view={view.view}
      className="rounded border border-line bg-surface"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-b px-3 py-1 text-small text-muted">
        <code className="untrusted font-mono font-semibold text-mono text-text" data-testid="inbox.tool">
          <VisibleText text={view.tool} breaks={false} />
        </code>
        {view.rule === null ? <span>not gated, goes with the same answer</span> : null}
        <Facts view={view} />
        <span className="ml-auto flex items-center gap-1">
          <FormToggle view={view} form={form} onForm={setForm} />
          <CopyButton text={view.raw} label="arguments" testId="inbox.copy-raw" />
        </span>
      </header>
      {hides ? <HiddenWarning /> : null}
      <ReviewBox extent={extent} reviewKey={reviewKey(actionHash, index)}>
        {form === 'raw' ? (
          <div data-testid="inbox.payload-raw">
            <LongText text={view.raw} />
          </div>
        ) : (
          <Shown view={view} asWritten={form === 'written'} />
        )}
      </ReviewBox>
    </section>
  );
}

type Form = 'shown' | 'written' | 'raw';

function Shown({ view, asWritten }: { readonly view: ActionView; readonly asWritten: boolean }): ReactNode {
  switch (view.view) {
    case 'shell':
      return <ShellPayload view={view} />;
    case 'diff':
      return <DiffPayload view={view} />;
    case 'sql':
      return <SqlPayload view={view} asWritten={asWritten} />;
    case 'http':
      return <HttpPayload view={view} asWritten={asWritten} />;
    case 'json':
      return <JsonPayload view={view} />;
  }
}

function Facts({ view }: { readonly view: ActionView }): ReactNode {
  if (view.view === 'shell') return <ShellFacts view={view} />;
  if (view.view === 'sql') return <SqlFacts view={view} />;
  return null;
}

const HiddenWarning = (): ReactNode => (
  <p
    role="note"
    data-testid="inbox.hidden"
    className="flex items-start gap-2 border-line border-b bg-pending px-3 py-1.5 text-ink"
  >
    <TriangleAlert size={16} strokeWidth={1.5} aria-hidden="true" className="mt-px shrink-0" />
    <span>Holds characters that would not be seen. They are shown as \u{'{…}'}: read closely what they stand in.</span>
  </p>
);

const TOGGLE =
  'min-h-7 rounded px-2 hover:bg-hover aria-pressed:bg-hover aria-pressed:font-semibold aria-pressed:text-text';

/** How the payload is shown: formatted, as written, or the whole arguments as the model wrote them. */
function FormToggle(props: {
  readonly view: ActionView;
  readonly form: Form;
  readonly onForm: (form: Form) => void;
}): ReactNode {
  const { view, form, onForm } = props;
  const shown =
    view.view === 'json' ? 'Tree' : view.view === 'diff' ? 'Diff' : view.view === 'shell' ? 'Command' : 'Formatted';
  const forms: readonly (readonly [Form, string])[] =
    view.view === 'sql' || view.view === 'http'
      ? [
          ['shown', shown],
          ['written', 'As written'],
          ['raw', 'Raw'],
        ]
      : [
          ['shown', shown],
          ['raw', 'Raw'],
        ];
  return (
    <>
      {view.view === 'diff' && form === 'shown' ? <DiffModeButton /> : null}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset brings a look of its own */}
      <span role="group" aria-label="Shown as" className="flex">
        {forms.map(([name, label]) => (
          <button
            key={name}
            type="button"
            aria-pressed={form === name}
            data-testid={`inbox.form-${name}`}
            onClick={() => onForm(name)}
            className={TOGGLE}
          >
            {label}
          </button>
        ))}
      </span>
    </>
  );
}

function DiffModeButton(): ReactNode {
  const mode = useInboxStore((state) => state.diffMode);
  const Icon = mode === 'unified' ? Columns2 : Rows3;
  return (
    <button
      type="button"
      data-testid="inbox.diff-mode"
      aria-keyshortcuts="d"
      title="Unified or split (d)"
      onClick={toggleDiffMode}
      className="flex min-h-7 items-center gap-1.5 rounded px-2 hover:bg-hover"
    >
      <Icon size={14} strokeWidth={1.5} aria-hidden="true" />
      {mode === 'unified' ? 'Split' : 'Unified'}
    </button>
  );
}
