import type { TextTerm } from '../../contract/run-query.ts';
import type { SqlValue, Writable } from '../handle.ts';

/**
 * The index of what runs say. It holds no text, only which words stand where; the texts themselves are the bodies.
 * Each text is a row `run_no * 2^20 + number`, so that the runs of many hits are found without looking at each.
 */

export const TEXTS_PER_RUN = 2 ** 20;

/** The condition that a run says something, none for a term without letters or digits. Nothing of a term is SQL or query syntax. */
export function matchText({ text, phrase }: TextTerm): readonly (readonly [sql: string, ...values: SqlValue[]])[] {
  if (!/[\p{L}\p{N}\p{Co}]/u.test(text)) return [];
  const quoted = `"${text.replaceAll('\0', ' ').replaceAll('"', '""')}"`;
  return [
    [
      `r.run_id IN (SELECT t.run_id FROM text_runs t WHERE t.run_no IN (
         SELECT DISTINCT rowid / ${TEXTS_PER_RUN} FROM run_text WHERE run_text MATCH ?))`,
      phrase ? quoted : `${quoted} *`,
    ],
  ];
}

/** Add a text of a run to the index. A run's texts beyond a million are left out. */
export function indexText(db: Writable, runId: string, text: string): void {
  if (text.trim() === '') return;
  const row = db.change<{ run_no: number; texts: number }>(
    `INSERT INTO text_runs (run_id, texts) VALUES (?, 1)
     ON CONFLICT (run_id) DO UPDATE SET texts = texts + 1 RETURNING run_no, texts`,
    runId,
  );
  if (row === undefined || row.texts >= TEXTS_PER_RUN) return;
  db.run('INSERT INTO run_text (rowid, text) VALUES (?, ?)', row.run_no * TEXTS_PER_RUN + row.texts, text);
}
