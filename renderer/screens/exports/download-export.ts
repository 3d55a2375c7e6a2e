import type { PreparedExport } from '../../../proxy-core/contract/operations/exports.ts';
import { fileDoor } from '../../store/console.ts';

/** A file larger than this is saved by the browser itself: a script would hold all of it in memory. */
const BY_SCRIPT_AT_MOST = 64 * 1_048_576;

/** Download a prepared export in a browser, and the seal that lies beside it. Null when it was; else why not, for people. */
export async function downloadExport({ export_id, file_name, bytes }: PreparedExport): Promise<string | null> {
  const door = fileDoor();
  if (door === null) return 'this console does not download files.';
  const path = `/api/exports/${encodeURIComponent(export_id)}`;
  // A seal that lies beside its file is fetched before it: the file can be fetched once.
  if (hasSealBeside(file_name)) {
    const seal = await door.file(`${path}.sig`);
    if (!seal.ok) return seal.failure.message;
    saveBlob(seal.value, `${file_name}.sig`);
  }
  if (bytes > BY_SCRIPT_AT_MOST) {
    const ticket = await door.ticket(encodeURIComponent(export_id));
    if (!ticket.ok) return ticket.failure.message;
    saveFrom(ticket.value, file_name);
    return null;
  }
  const file = await door.file(path);
  if (!file.ok) return file.failure.message;
  saveBlob(file.value, file_name);
  return null;
}

/** CSV and PDF cannot hold their seal. */
const hasSealBeside = (fileName: string): boolean => /\.(csv|pdf)$/.test(fileName);

/** Browsers begin to read a blob's address some time after the click. */
const HELD_MS = 60_000;

/** The type is opaque, so that nothing of a file is ever opened in this origin. */
function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  saveFrom(address, name);
  setTimeout(() => URL.revokeObjectURL(address), HELD_MS);
}

function saveFrom(address: string, name: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
}
