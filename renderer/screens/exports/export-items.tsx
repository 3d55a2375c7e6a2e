import { FileText } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ExportFormat } from '../../../proxy-core/contract/operations/exports.ts';
import { MenuHeading, MenuItem } from '../../parts/menu.tsx';
import { FORMATS } from './formats.ts';

/** The formats as entries of a menu. */
export function ExportItems(props: {
  readonly testId: string;
  readonly onExport: (format: ExportFormat) => void;
  readonly icon?: ReactNode;
}): ReactNode {
  return (
    <>
      <MenuHeading>Export as</MenuHeading>
      {FORMATS.map(({ format, label, hint }) => (
        <MenuItem
          key={format}
          testId={`${props.testId}-${format}`}
          icon={props.icon ?? <FileText size={14} strokeWidth={1.5} />}
          hint={hint}
          onSelect={() => props.onExport(format)}
        >
          {label}
        </MenuItem>
      ))}
    </>
  );
}
