import { useCallback, useEffect, useRef, useState } from 'react';
import type { Failure } from '../../../proxy-core/contract/failures.ts';
import type { ExportFormat, PreparedExport } from '../../../proxy-core/contract/operations/exports.ts';
import { call, useConsole } from '../../store/console.ts';

/** What is exported: one run, or every run that began in a time range (epoch ms, inclusive). */
export type ExportSubject =
  | { readonly kind: 'run'; readonly runId: string }
  | { readonly kind: 'range'; readonly since: number; readonly until: number };

export interface ExportOptions {
  readonly format: ExportFormat;
  readonly prompts: boolean;
  readonly paper: 'A4' | 'Letter';
}

export type ExportState =
  | { readonly kind: 'preparing'; readonly share: number | null }
  | { readonly kind: 'ready'; readonly prepared: PreparedExport }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly failure: Failure };

const DIGITS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const newId = (): string =>
  `exp_${[...crypto.getRandomValues(new Uint8Array(20))].map((byte) => DIGITS[byte % DIGITS.length]).join('')}`;

type Outcome = Exclude<ExportState, { kind: 'preparing' }>;

/** Prepares the export that the options describe, and again when they change; what was under way is cancelled. */
export function useExport(subject: ExportSubject, options: ExportOptions) {
  const key = JSON.stringify([subject, options]);
  const [turn, setTurn] = useState(0);
  const [done, setDone] = useState<{ readonly for: string; readonly outcome: Outcome } | null>(null);
  const [id, setId] = useState('');
  const running = useRef<string | null>(null);
  const now = `${key} ${turn}`;

  const cancel = useCallback(() => {
    const exportId = running.current;
    running.current = null;
    if (exportId !== null) void call('exports.cancel', { export_id: exportId });
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `now` stands for the subject, the options and the turn
  useEffect(() => {
    const exportId = newId();
    running.current = exportId;
    setId(exportId);
    void call('exports.prepare', { export_id: exportId, ...questionOf(subject), ...options }).then((reply) => {
      if (running.current !== exportId) return;
      running.current = null;
      setDone({
        for: now,
        outcome: reply.ok ? { kind: 'ready', prepared: reply.value } : { kind: 'failed', failure: reply.failure },
      });
    });
    return cancel;
  }, [now]);

  const progress = useConsole((state) => state.exports.get(id) ?? null);
  const state: ExportState =
    done?.for === now
      ? done.outcome
      : { kind: 'preparing', share: progress === null || progress.of === 0 ? null : progress.done / progress.of };
  return {
    state,
    cancel: () => {
      cancel();
      setDone({ for: now, outcome: { kind: 'cancelled' } });
    },
    again: () => setTurn((before) => before + 1),
  };
}

const questionOf = (subject: ExportSubject) =>
  subject.kind === 'run' ? { run_id: subject.runId } : { since: subject.since, until: subject.until };
