import { Columns2, Download, Eye, Pause, Play, Square } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ExportFormat } from '../../../proxy-core/contract/operations/exports.ts';
import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { Menu, MenuItem, MenuLine } from '../../parts/menu.tsx';
import { ExportItems } from '../exports/export-items.tsx';
import { hasEnded, pauseRun, resumeRun } from './run-commands.ts';

/** What can be done with a run of the list. */
export function RowMenu(props: {
  readonly run: RunRecord;
  readonly trigger: ReactNode;
  /** How the entry for comparing reads. */
  readonly compareLabel: string;
  readonly onClose: () => void;
  readonly onOpen: () => void;
  readonly onStop: () => void;
  readonly onExport: (format: ExportFormat) => void;
  readonly onCompare: () => void;
}): ReactNode {
  const { run } = props;
  const ended = hasEnded(run);
  return (
    <Menu
      open
      label={`Actions for ${run.run_id}`}
      trigger={props.trigger}
      onOpenChange={(open) => {
        if (!open) props.onClose();
      }}
    >
      <MenuItem testId="runs.menu-open" icon={<Eye size={14} />} hint="Enter" onSelect={props.onOpen}>
        Open
      </MenuItem>
      <MenuItem testId="runs.menu-compare" icon={<Columns2 size={14} />} hint="Space" onSelect={props.onCompare}>
        {props.compareLabel}
      </MenuItem>
      {run.paused ? (
        <MenuItem
          testId="runs.menu-resume"
          icon={<Play size={14} />}
          disabled={ended}
          onSelect={() => void resumeRun(run.run_id)}
        >
          Resume
        </MenuItem>
      ) : (
        <MenuItem
          testId="runs.menu-pause"
          icon={<Pause size={14} />}
          disabled={ended}
          onSelect={() => void pauseRun(run.run_id)}
        >
          Pause
        </MenuItem>
      )}
      <MenuItem testId="runs.menu-stop" icon={<Square size={14} />} disabled={ended} onSelect={props.onStop}>
        Stop…
      </MenuItem>
      <MenuLine />
      <ExportItems icon={<Download size={14} />} testId="runs.menu-export" onExport={props.onExport} />
    </Menu>
  );
}
