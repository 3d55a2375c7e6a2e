import { type ReactNode, useState } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { Button } from '../../parts/button.tsx';

/**
 * Reject, and say what would be approved instead. The gate itself is never edited, because the agent's retry has to be
 * the request that was reviewed: the agent gets a changed copy and proposes it anew.
 */
export function SuggestForm(props: {
  readonly card: GateCard;
  readonly disabled: boolean;
  readonly onCancel: () => void;
  readonly onSend: (reason: string, args: unknown) => void;
}): ReactNode {
  const [text, setText] = useState(() => editable(props.card));
  const [reason, setReason] = useState('');
  const parsed = parseArgs(text);
  return (
    <form
      aria-label="Reject with suggestion"
      data-testid="inbox.suggest-form"
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (parsed.ok && !props.disabled) props.onSend(reason, parsed.value);
      }}
    >
      <label className="flex flex-col gap-1">
        <span className="text-muted text-small">Arguments that you would approve, as JSON</span>
        <textarea
          autoFocus
          rows={Math.min(14, text.split('\n').length + 1)}
          value={text}
          spellCheck={false}
          data-testid="inbox.suggest-args"
          aria-invalid={!parsed.ok}
          aria-describedby="suggest-problem"
          onChange={(event) => setText(event.target.value)}
          className="max-h-[35vh] w-full resize-y rounded border border-control bg-surface px-2 py-1 font-mono text-mono"
        />
      </label>
      <p
        id="suggest-problem"
        role="status"
        className={parsed.ok ? 'sr-only' : 'untrusted text-small'}
        data-testid="inbox.suggest-problem"
      >
        {parsed.ok ? 'Valid JSON' : `Not JSON: ${visible(parsed.problem)}`}
      </p>
      <input
        value={reason}
        maxLength={2000}
        placeholder="Reason, sent to the agent (optional)"
        aria-label="Reason for the agent"
        data-testid="inbox.suggest-reason"
        onChange={(event) => setReason(event.target.value)}
        className="h-8 w-full rounded border border-control bg-surface px-2"
      />
      <div className="flex items-center gap-2">
        <Button type="submit" look="danger" disabled={props.disabled || !parsed.ok} data-testid="inbox.suggest-send">
          Reject with suggestion
        </Button>
        <Button look="quiet" onClick={props.onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** The arguments of the gated call; of several, a list of calls. */
function editable({ gate }: GateCard): string {
  const gated = gate.proposed_actions.filter(({ rule }) => rule !== null);
  const [only] = gated;
  const value = gated.length === 1 ? only?.args : gated.map(({ tool, args }) => ({ tool, args }));
  return JSON.stringify(value ?? {}, null, 2);
}

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

function parseArgs(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : 'unreadable' };
  }
}
