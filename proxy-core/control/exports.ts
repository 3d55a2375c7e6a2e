import { copyFile } from 'node:fs/promises';
import { type FailureCode, failure } from '../contract/failures.ts';
import type { ExportDesk, ExportResult } from '../exports/export-desk.ts';
import type { HostPort } from '../ports.ts';
import { type Handlers, Refusal } from './call.ts';

type ExportHandlers = Pick<Handlers, 'exports.prepare' | 'exports.cancel' | 'exports.save'>;

/** What exporting needs. */
interface ExportPorts {
  readonly desk: () => ExportDesk;
  readonly host: Pick<HostPort, 'saveFile'>;
  /** Resolves once everything that is settled has been looked at. */
  readonly catchUp: () => Promise<void>;
}

/** Runs as files. */
export function exportHandlers({ desk, host, catchUp }: ExportPorts): ExportHandlers {
  return {
    'exports.prepare': async ({ export_id, run_id, since, until, format, prompts, paper }) => {
      const ranged = since !== undefined || until !== undefined;
      if ((run_id === undefined) === !ranged)
        throw new Refusal(failure('invalid_request', 'Name one run, or a time from which on runs are meant.'));
      const of =
        run_id === undefined
          ? ({ kind: 'range', since: since ?? 0, until: until ?? Number.MAX_SAFE_INTEGER } as const)
          : ({ kind: 'run', runId: run_id } as const);
      // What tools have made is an artifact only once it has been looked at.
      await catchUp();
      const result = await desk().prepare({ exportId: export_id, of, format, prompts, paper });
      if (result.kind === 'ready') return result.prepared;
      throw new Refusal(refusalOf(result));
    },
    'exports.cancel': ({ export_id }) => ({ cancelled: desk().cancel(export_id) }),
    'exports.save': async ({ export_id }) => {
      const found = desk().find(export_id);
      if (found === null)
        throw new Refusal(failure('not_found', 'There is no such export: it was fetched, or has waited too long.'));
      if (host.saveFile === null)
        throw new Refusal(
          failure('unavailable_here', 'There is no dialog to save files with here.', {
            recover: 'Download it, or use: rungate export',
          }),
        );
      const path = await host.saveFile(found.path, found.prepared.file_name);
      if (path === null) return { saved: false, path };
      if (found.sealPath !== null) await copyFile(found.sealPath, `${path}.sig`);
      desk().remove(export_id);
      return { saved: true, path };
    },
  };
}

type Reason = Extract<ExportResult, { kind: 'failed' }>['reason'];

const FAILED: Readonly<Record<Reason, { readonly code: FailureCode; readonly recover?: string }>> = {
  not_found: { code: 'not_found', recover: 'See: rungate runs' },
  cancelled: { code: 'invalid_request' },
  cannot_print: {
    code: 'unavailable_here',
    recover: 'Install Chromium or Google Chrome, or export html and print that.',
  },
  too_large: { code: 'invalid_request', recover: 'Export a shorter time range.' },
  unwritable: { code: 'store_unavailable' },
  broken: { code: 'internal_error' },
  busy: { code: 'rate_limited' },
  taken: { code: 'already_exists', recover: 'Choose another export_id.' },
  unsigned: { code: 'unavailable_here', recover: 'See: rungate doctor' },
};

function refusalOf({ reason, message }: Extract<ExportResult, { kind: 'failed' }>) {
  const { code, recover } = FAILED[reason];
  const text = reason === 'broken' ? 'The export could not be written; the core’s log says why.' : message;
  return failure(code, text, recover === undefined ? {} : { recover });
}
