import type { ReactNode } from 'react';
import type { ExportFormat } from '../../../proxy-core/contract/operations/exports.ts';
import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { ConnectDialog } from '../connect/connect-dialog.tsx';
import { ExportDialog } from '../exports/export-dialog.tsx';
import { RangeDialog } from '../exports/range-dialog.tsx';
import { CompareDialog } from './compare-dialog.tsx';
import { StopDialog } from './stop-dialog.tsx';

/** What may stand over the list, one at a time. */
export type RunsDialog =
  | { readonly kind: 'connect' }
  | { readonly kind: 'stop'; readonly run: RunRecord }
  | { readonly kind: 'export'; readonly run: RunRecord; readonly format: ExportFormat }
  | { readonly kind: 'export-range'; readonly format: ExportFormat }
  | { readonly kind: 'compare'; readonly a: string; readonly b: string };

export function RunsDialogs({
  dialog,
  onClose,
}: {
  readonly dialog: RunsDialog | null;
  readonly onClose: () => void;
}): ReactNode {
  switch (dialog?.kind) {
    case undefined:
      return null;
    case 'connect':
      return <ConnectDialog onClose={onClose} />;
    case 'stop':
      return <StopDialog run={dialog.run} onClose={onClose} />;
    case 'export':
      return (
        <ExportDialog subject={{ kind: 'run', runId: dialog.run.run_id }} format={dialog.format} onClose={onClose} />
      );
    case 'export-range':
      return <RangeDialog format={dialog.format} onClose={onClose} />;
    case 'compare':
      return <CompareDialog a={dialog.a} b={dialog.b} onClose={onClose} />;
  }
}
