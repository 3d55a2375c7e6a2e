import { AlarmClock, AlarmClockPlus, Check, X } from 'lucide-react';
import { type ReactNode, useMemo, useRef, useState } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { keysOf } from '../../keyboard/keymap.ts';
import { type CommandActions, useCommands } from '../../keyboard/use-commands.ts';
import { Button } from '../../parts/button.tsx';
import { useNow } from '../../parts/use-now.ts';
import { announce } from '../../store/announcer.ts';
import { useConnected, useConsole } from '../../store/console.ts';
import { AfterBar } from './after-bar.tsx';
import { CriticalConfirm } from './critical-confirm.tsx';
import { approve, extend, reject, snooze } from './decisions.ts';
import { noteReviewed, reviewKey, toggleDiffMode, useInboxStore } from './inbox-store.ts';
import { longActions } from './payload/extent.ts';
import { isDecidable } from './phase.ts';
import { RejectForm } from './reject-form.tsx';
import { RememberDialog } from './remember-dialog.tsx';
import { SnoozeForm } from './snooze-form.tsx';
import { SuggestForm } from './suggest-form.tsx';

interface BarProps {
  readonly card: GateCard;
  readonly gate: GateRecord;
  readonly onDecided: (gateId: string, verdict: string) => void;
}

const READ_FIRST = 'Read the payload to its end first, or tick I reviewed it';

type Panel = 'critical' | 'reject' | 'suggest' | 'snooze' | 'remember';

/** What can be done with the open gate. A form takes the place of the buttons; Escape closes it. */
export function DecisionBar(props: BarProps): ReactNode {
  const { card, gate, onDecided } = props;
  const now = useNow();
  const connected = useConnected();
  const snoozedUntil = useConsole((state) => state.snoozed.get(gate.gate_id) ?? 0);
  const busy = useInboxStore((state) => state.busy.has(gate.gate_id));
  const unread = useUnread(card);
  const [panel, setPanel] = useState<Panel | null>(null);
  const decidable = isDecidable(gate, now);
  const bar = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setPanel(null);
    bar.current?.closest<HTMLElement>('[data-testid="inbox.gate"]')?.focus();
  };
  const settle = async (verdict: string, sent: Promise<boolean>): Promise<void> => {
    if (!(await sent)) return;
    setPanel(null);
    onDecided(card.gate.gate_id, verdict);
  };
  const putOff = async (seconds: number): Promise<void> => {
    if (await snooze(gate.gate_id, seconds)) onDecided(gate.gate_id, 'Snoozed');
    else close();
  };
  const can = decidable && connected && !busy;
  const approveNow = (): Promise<void> => settle('Approved', approve(card.gate));
  const askApprove = (): void => {
    if (unread.length > 0) announce(READ_FIRST);
    else if (card.risk.level === 'critical') setPanel('critical');
    else void approveNow();
  };
  const askRemember = (): void => {
    if (unread.length > 0) announce(READ_FIRST);
    else setPanel('remember');
  };
  useGateCommands({ can, panel, setPanel, askApprove, askRemember, gateId: gate.gate_id });
  if (!decidable) return <AfterBar card={card} gate={gate} />;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the form from anywhere in it
    <div
      ref={bar}
      data-testid="inbox.decisions"
      className="border-line border-t bg-surface px-4 py-2.5"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || panel === null) return;
        event.stopPropagation();
        close();
      }}
    >
      {unread.length > 0 ? <UnreadNote card={card} unread={unread} /> : null}
      {panel === 'critical' ? (
        <CriticalConfirm risk={card.risk} disabled={!can} onCancel={close} onApprove={() => void approveNow()} />
      ) : panel === 'reject' ? (
        <RejectForm
          disabled={!can}
          onCancel={close}
          onReject={(reason) => void settle('Rejected', reject(card.gate, reason))}
        />
      ) : panel === 'suggest' ? (
        <SuggestForm
          card={card}
          disabled={!can}
          onCancel={close}
          onSend={(reason, args) => void settle('Rejected with a suggestion', reject(card.gate, reason, args))}
        />
      ) : panel === 'snooze' ? (
        <SnoozeForm onCancel={close} onSnooze={(seconds) => void putOff(seconds)} />
      ) : (
        <Buttons
          {...{ card, can, unread: unread.length > 0, snoozed: snoozedUntil > now, askApprove, askRemember, setPanel }}
          onWake={() => void snooze(gate.gate_id, 0)}
          onExtend={() => void extend(gate.gate_id)}
        />
      )}
      {panel === 'remember' ? (
        <RememberDialog
          card={card}
          disabled={!can}
          onClose={close}
          onRemember={(scope) => void settle('Approved and remembered', approve(card.gate, scope))}
        />
      ) : null}
    </div>
  );
}

/** The long payloads of the card that have not been read yet. */
function useUnread(card: GateCard): readonly number[] {
  const long = useMemo(() => longActions(card), [card]);
  const reviewed = useInboxStore((state) => state.reviewed);
  return long.filter((index) => !reviewed.has(reviewKey(card.gate.action_hash, index)));
}

function UnreadNote({ card, unread }: { readonly card: GateCard; readonly unread: readonly number[] }): ReactNode {
  return (
    <p className="mb-2 flex flex-wrap items-center gap-x-3 text-small" data-testid="inbox.unread">
      <span>
        {unread.length === 1 ? 'A long payload has' : `${unread.length} long payloads have`} to be read to the end
        before approving.
      </span>
      <label className="flex min-h-7 items-center gap-1.5">
        <input
          type="checkbox"
          checked={false}
          className="size-4 accent-[var(--accent)]"
          data-testid="inbox.reviewed-all"
          onChange={() => noteReviewed(unread.map((index) => reviewKey(card.gate.action_hash, index)))}
        />
        I reviewed it
      </label>
    </p>
  );
}

function Buttons(props: {
  readonly card: GateCard;
  readonly can: boolean;
  readonly unread: boolean;
  readonly snoozed: boolean;
  readonly askApprove: () => void;
  readonly askRemember: () => void;
  readonly setPanel: (panel: Panel) => void;
  readonly onWake: () => void;
  readonly onExtend: () => void;
}): ReactNode {
  const { card, can, unread, setPanel } = props;
  const remap = useConsole((state) => state.preferences.keyboard.remap);
  const remembered =
    card.not_grantable ?? `Approve, and do not ask again for what you choose (${keysOf('gate.remember', remap)})`;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Button
        look="primary"
        icon={<Check {...ICON} />}
        shortcut={keysOf('gate.approve', remap)}
        disabled={!can || unread}
        onClick={props.askApprove}
        data-testid="inbox.approve"
      >
        Approve once
      </Button>
      <Button
        icon={<X {...ICON} />}
        shortcut={keysOf('gate.reject', remap)}
        disabled={!can}
        onClick={() => setPanel('reject')}
        data-testid="inbox.reject"
      >
        Reject
      </Button>
      <SideButton
        label="Remember…"
        disabled={!can || unread || card.not_grantable !== null || card.offers.length === 0}
        title={remembered}
        onClick={props.askRemember}
        testId="inbox.remember"
      />
      <SideButton
        label="Suggest…"
        disabled={!can}
        title="Reject, and propose other arguments"
        onClick={() => setPanel('suggest')}
        testId="inbox.suggest"
      />
      <span className="ml-auto flex">
        <SideButton
          label={props.snoozed ? 'Bring back' : 'Snooze'}
          small
          icon={<AlarmClock {...ICON} />}
          disabled={!can}
          title={
            props.snoozed
              ? 'Put it back among the pending gates'
              : `Hide it for a while (${keysOf('gate.snooze', remap)})`
          }
          onClick={props.snoozed ? props.onWake : () => setPanel('snooze')}
          testId={props.snoozed ? 'inbox.wake' : 'inbox.snooze'}
        />
        <SideButton
          label="Extend 15 min"
          small
          icon={<AlarmClockPlus {...ICON} />}
          disabled={!can}
          title={`Expire 15 min later (${keysOf('gate.extend', remap)})`}
          onClick={props.onExtend}
          testId="inbox.extend"
        />
      </span>
    </div>
  );
}

const ICON = { size: 14, 'aria-hidden': true } as const;

/** A button beside the two main ones; a small one is its icon alone where there is little room. */
function SideButton(props: {
  readonly label: string;
  readonly title: string;
  readonly icon?: ReactNode;
  readonly disabled: boolean;
  readonly small?: boolean;
  readonly onClick: () => void;
  readonly testId: string;
}): ReactNode {
  return (
    <Button
      look="quiet"
      className="px-2"
      icon={props.icon}
      title={props.title}
      disabled={props.disabled}
      onClick={props.onClick}
      data-testid={props.testId}
    >
      <span className={props.small === true ? '@max-[740px]/gate:sr-only' : ''}>{props.label}</span>
    </Button>
  );
}

interface CommandState {
  readonly can: boolean;
  readonly panel: Panel | null;
  readonly setPanel: (panel: Panel) => void;
  readonly askApprove: () => void;
  readonly askRemember: () => void;
  readonly gateId: string;
}

/** The keys of the open gate. While a form is open they do nothing, so that a second press cannot confirm it. */
function useGateCommands(state: CommandState): void {
  const latest = useRef(state);
  latest.current = state;
  const actions = useMemo<CommandActions>(() => {
    const whenFree = (act: () => void) => () => {
      const { can, panel } = latest.current;
      if (can && panel === null) act();
    };
    return {
      'gate.approve': whenFree(() => latest.current.askApprove()),
      'gate.reject': whenFree(() => latest.current.setPanel('reject')),
      'gate.remember': whenFree(() => latest.current.askRemember()),
      'gate.snooze': whenFree(() => latest.current.setPanel('snooze')),
      'gate.extend': whenFree(() => void extend(latest.current.gateId)),
      'gate.diff': toggleDiffMode,
    };
  }, []);
  useCommands(actions);
}
