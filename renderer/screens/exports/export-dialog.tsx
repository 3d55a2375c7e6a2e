import { Download } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { ExportFormat, PreparedExport } from '../../../proxy-core/contract/operations/exports.ts';
import { showBytes, showCount } from '../../format/amount.ts';
import { Button } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/empty-state.tsx';
import { Choice, Toggle } from '../../parts/field.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call, useConsole } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';
import { downloadExport } from './download-export.ts';
import { FORMATS } from './formats.ts';
import { type ExportSubject, useExport } from './use-export.ts';

const PAPERS = [
  ['A4', 'A4'],
  ['Letter', 'Letter'],
] as const;

/** Prepares an export at once, shows what will be saved, and saves it. */
export function ExportDialog(props: {
  readonly subject: ExportSubject;
  readonly format: ExportFormat;
  readonly onClose: () => void;
}): ReactNode {
  const { subject, onClose } = props;
  const [format, setFormat] = useState(props.format);
  const [prompts, setPrompts] = useState(true);
  const [paper, setPaper] = useState<'A4' | 'Letter'>('A4');
  const { state, cancel, again } = useExport(subject, { format, prompts, paper });
  const onPaper = format === 'pdf' || format === 'html' || format === 'bundle';
  return (
    <Dialog
      title={subject.kind === 'run' ? 'Export this run' : 'Export these runs'}
      testId="exports.dialog"
      onClose={onClose}
    >
      <Choice
        label="Format"
        value={format}
        options={FORMATS.map((each) => [each.format, each.label] as const)}
        onChange={setFormat}
        testId="exports.format"
      />
      {onPaper ? (
        <Choice label="Paper" value={paper} options={PAPERS} onChange={setPaper} testId="exports.paper" />
      ) : null}
      <Toggle
        label="Include prompts and answers"
        hint="Without them their hashes stay, so that the export still verifies."
        checked={prompts}
        onChange={setPrompts}
        testId="exports.prompts"
      />
      <div
        className="mt-3 min-h-32 rounded border border-line bg-bg p-3"
        aria-live="polite"
        data-testid="exports.state"
        data-state={state.kind}
      >
        {state.kind === 'preparing' ? <Preparing share={state.share} onCancel={cancel} /> : null}
        {state.kind === 'ready' ? <Ready prepared={state.prepared} onSaved={onClose} /> : null}
        {state.kind === 'cancelled' ? (
          <p className="flex items-center gap-3 text-muted">
            Cancelled. Nothing was kept.
            <Button onClick={again}>Prepare again</Button>
          </p>
        ) : null}
        {state.kind === 'failed' ? (
          <FailureNote
            message={state.failure.message}
            recover={
              typeof state.failure.context['recover'] === 'string' ? state.failure.context['recover'] : undefined
            }
            onRetry={again}
            testId="exports.failure"
          />
        ) : null}
      </div>
      <div className="mt-4 flex justify-end">
        <Button onClick={onClose} data-testid="exports.close">
          Close
        </Button>
      </div>
    </Dialog>
  );
}

function Preparing({ share, onCancel }: { readonly share: number | null; readonly onCancel: () => void }): ReactNode {
  return (
    <div className="flex flex-col gap-2">
      <label className="text-muted">
        Preparing…{share === null ? '' : ` ${Math.floor(share * 100)} %`}
        <progress value={share ?? undefined} max={1} className="mt-1 block h-2 w-full accent-[var(--accent)]" />
      </label>
      <div>
        <Button onClick={onCancel} data-testid="exports.cancel">
          Cancel
        </Button>
      </div>
    </div>
  );
}

function Ready({ prepared, onSaved }: { readonly prepared: PreparedExport; readonly onSaved: () => void }): ReactNode {
  return (
    <div className="flex flex-col gap-2">
      <p className="untrusted font-semibold">
        <VisibleText text={prepared.file_name} breaks={false} />
      </p>
      <p className="text-muted" data-testid="exports.facts">
        {showBytes(prepared.bytes)}
        {prepared.runs > 1 ? ` · ${showCount(prepared.runs)} runs` : ''} · secrets masked: {showCount(prepared.masked)}
      </p>
      <p className="flex items-center gap-1 text-minimum text-muted">
        <span className="untrusted font-mono">SHA-256 {prepared.sha256}</span>
        <CopyButton text={prepared.sha256} label="SHA-256" testId="exports.copy-sha256" />
      </p>
      <SaveButton prepared={prepared} onSaved={onSaved} />
    </div>
  );
}

const SAVE_LOOK =
  'inline-flex min-h-7 items-center gap-1.5 self-start rounded border border-accent bg-accent px-3 py-0.5 text-on-accent hover:opacity-90';

/** Saving through the host's dialog, or as a download of the browser. */
function SaveButton({
  prepared,
  onSaved,
}: {
  readonly prepared: PreparedExport;
  readonly onSaved: () => void;
}): ReactNode {
  const bySystem = useConsole((state) => state.host?.save_dialog === true);
  const [busy, setBusy] = useState(false);
  const icon = <Download size={14} strokeWidth={1.5} aria-hidden="true" />;
  const fetchFile = async (): Promise<void> => {
    setBusy(true);
    const failed = await downloadExport(prepared);
    setBusy(false);
    if (failed !== null) toast(`Not saved: ${failed}`, 'failed');
  };
  const save = async (): Promise<void> => {
    setBusy(true);
    const reply = await call('exports.save', { export_id: prepared.export_id });
    setBusy(false);
    if (!reply.ok) return toast(`Not saved: ${reply.failure.message}`, 'failed');
    if (!reply.value.saved) return;
    toast(`Saved ${reply.value.path ?? prepared.file_name}`);
    onSaved();
  };
  return (
    <button
      type="button"
      disabled={busy}
      onClick={() => void (bySystem ? save() : fetchFile())}
      data-testid="exports.save"
      className={SAVE_LOOK}
    >
      {icon} {bySystem ? 'Save…' : 'Save'}
    </button>
  );
}
