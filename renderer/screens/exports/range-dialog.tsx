import { type FormEvent, type ReactNode, useState } from 'react';
import type { ExportFormat } from '../../../proxy-core/contract/operations/exports.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/field.tsx';
import { coreNow } from '../../store/console.ts';
import { ExportDialog } from './export-dialog.tsx';

const WEEK_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;

/** Asks for a range of days and exports every run that began in it. */
export function RangeDialog({
  format,
  onClose,
}: {
  readonly format: ExportFormat;
  readonly onClose: () => void;
}): ReactNode {
  const [from, setFrom] = useState(() => dayOf(coreNow() - WEEK_MS));
  const [to, setTo] = useState(() => dayOf(coreNow()));
  const [range, setRange] = useState<{ since: number; until: number } | null>(null);
  const since = startOf(from);
  const until = startOf(to) + DAY_MS - 1;
  const valid = Number.isFinite(since) && Number.isFinite(until) && since <= until;
  if (range !== null) return <ExportDialog subject={{ kind: 'range', ...range }} format={format} onClose={onClose} />;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (valid) setRange({ since, until });
  };
  return (
    <Dialog title="Export the runs of a time range" testId="exports.range" onClose={onClose}>
      <form onSubmit={submit}>
        <TextField
          label="From"
          type="date"
          value={from}
          onChange={(event) => setFrom(event.target.value)}
          testId="exports.from"
        />
        <TextField
          label="To, inclusive"
          type="date"
          value={to}
          onChange={(event) => setTo(event.target.value)}
          testId="exports.to"
        />
        <div className="mt-4 flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={!valid} data-testid="exports.range-next">
            Prepare
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** A local day as a date input writes it. */
function dayOf(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The local midnight a day begins with, epoch ms; NaN for none. */
function startOf(day: string): number {
  const [year, month, date] = day.split('-').map(Number);
  return year === undefined || month === undefined || date === undefined
    ? Number.NaN
    : new Date(year, month - 1, date).getTime();
}
