import type { ExportFormat } from '../../../proxy-core/contract/operations/exports.ts';

/** What each export is for, in the words of the menu. */
export const FORMATS: readonly { readonly format: ExportFormat; readonly label: string; readonly hint: string }[] = [
  { format: 'html', label: 'HTML report', hint: 'one offline page to read' },
  { format: 'pdf', label: 'PDF report', hint: 'the page on paper' },
  { format: 'json', label: 'JSON', hint: 'everything, with schema' },
  { format: 'csv', label: 'CSV', hint: 'the steps as a table' },
  { format: 'otlp', label: 'OTLP JSON', hint: 'for tracing tools' },
  { format: 'bundle', label: 'Signed bundle', hint: 'all of them, zip' },
];
