import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { Button, Keycap } from '../../parts/button.tsx';

/** The reasons given most; each is an instruction, because the agent reads it in its 403. */
export const REJECT_REASONS = [
  'This is not part of the task. Leave it out.',
  'Too risky. Find a way that can be undone.',
  'Wrong target or arguments. Check them and ask again.',
  'Do a dry run first and report the result.',
] as const;

/**
 * Why the gate is rejected. The presets have the focus first: 1 to 4 or the arrows choose, Enter sends; whatever else is
 * typed goes into the field.
 */
export function RejectForm(props: {
  readonly disabled: boolean;
  readonly onCancel: () => void;
  readonly onReject: (reason: string) => void;
}): ReactNode {
  const [reason, setReason] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const presets = useRef<HTMLDivElement>(null);
  useEffect(() => presets.current?.focus(), []);
  const send = (): void => {
    if (!props.disabled) props.onReject(reason);
  };
  const pressPreset = (event: KeyboardEvent): void => {
    const preset = REJECT_REASONS[Number(event.key) - 1];
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter') send();
    else if (preset !== undefined) setReason(preset);
    else if (step !== 0) setReason(nextPreset(reason, step));
    else if (event.key.length === 1 && event.key !== ' ') {
      setReason(reason + event.key);
      field.current?.focus();
    } else return;
    event.preventDefault();
  };
  return (
    <form
      aria-label="Reject"
      data-testid="inbox.reject-form"
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div
        role="listbox"
        aria-label="Reason, presets"
        tabIndex={0}
        ref={presets}
        aria-activedescendant={activeId(reason)}
        onKeyDown={pressPreset}
        data-testid="inbox.reject-presets"
        className="grid grid-cols-1 gap-1 rounded @min-[900px]:grid-cols-2"
      >
        {REJECT_REASONS.map((preset, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list box takes the keys
          <div
            key={preset}
            id={presetId(index)}
            role="option"
            tabIndex={-1}
            aria-selected={reason === preset}
            onClick={() => setReason(preset)}
            data-testid={`inbox.reject-preset-${index + 1}`}
            className={`flex min-h-7 cursor-pointer items-center gap-2 rounded border px-2 ${reason === preset ? 'border-accent bg-hover' : 'border-line hover:bg-hover'}`}
          >
            <Keycap keys={String(index + 1)} />
            {preset}
          </div>
        ))}
      </div>
      <textarea
        ref={field}
        rows={2}
        value={reason}
        maxLength={2000}
        aria-label="Reason for the agent"
        placeholder="Reason, sent to the agent (optional)"
        data-testid="inbox.reject-reason"
        onChange={(event) => setReason(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          send();
        }}
        className="w-full resize-y rounded border border-control bg-surface px-2 py-1"
      />
      <div className="flex items-center gap-2">
        <Button type="submit" look="danger" disabled={props.disabled} data-testid="inbox.reject-send">
          Reject
        </Button>
        <Button look="quiet" onClick={props.onCancel} data-testid="inbox.reject-cancel">
          Cancel
        </Button>
        <span className="text-muted text-small">Enter sends. The reason goes into the agent’s 403.</span>
      </div>
    </form>
  );
}

const PRESETS: readonly string[] = REJECT_REASONS;
const presetAt = (reason: string): number => PRESETS.indexOf(reason);
const presetId = (index: number): string => `reject-preset-${index}`;

function activeId(reason: string): string | undefined {
  const at = presetAt(reason);
  return at === -1 ? undefined : presetId(at);
}

function nextPreset(reason: string, step: number): string {
  const at = presetAt(reason);
  const next =
    at === -1
      ? step === 1
        ? 0
        : REJECT_REASONS.length - 1
      : (at + step + REJECT_REASONS.length) % REJECT_REASONS.length;
  return REJECT_REASONS[next] ?? reason;
}
