import { type ReactNode, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { TextField, Toggle } from '../../parts/field.tsx';
import { call, useConsole } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';
import { usePreferences } from './use-preferences.ts';

const HOW = {
  buttons: 'Shown by the system, with buttons to decide.',
  click: 'Shown by the system. This system offers no buttons there: a click opens the gate.',
  browser: 'Shown by this browser while a tab of the console is open.',
  none: 'This system shows no notifications; the console shows a banner instead.',
} as const;

export function NotificationsSection(): ReactNode {
  const { preferences, change, connected } = usePreferences();
  const how = useConsole((state) => state.host?.notifications);
  const { enabled, privacy, quiet_from, quiet_to, pause_expiry_in_quiet_hours } = preferences.notifications;
  return (
    <>
      {how === undefined ? null : <p className="mb-2 text-muted">{HOW[how]}</p>}
      {how === 'browser' ? <BrowserPermission /> : null}
      <Toggle
        label="Notify when a gate waits"
        checked={enabled}
        onChange={(checked) => void change('notifications', { enabled: checked })}
        disabled={!connected}
        testId="settings.notify"
      />
      <Toggle
        label="Privacy: name the agent only"
        checked={privacy}
        onChange={(checked) => void change('notifications', { privacy: checked })}
        disabled={!connected}
        testId="settings.privacy"
      />
      <QuietHours
        key={`${quiet_from}${quiet_to}`}
        from={quiet_from}
        to={quiet_to}
        disabled={!connected}
        onChange={(hours) => void change('notifications', hours)}
      />
      <Toggle
        label="Gates do not expire in quiet hours"
        hint="Time in quiet hours does not count towards a gate’s expiry. Agents wait longer."
        checked={pause_expiry_in_quiet_hours}
        onChange={(checked) => void change('notifications', { pause_expiry_in_quiet_hours: checked })}
        disabled={!connected || quiet_from === null}
        testId="settings.pause-expiry"
      />
      <Toggle
        label="Reading a gate in its last minute extends it once by 5 minutes"
        checked={preferences.gates.extend_while_reviewing}
        onChange={(checked) => void change('gates', { extend_while_reviewing: checked })}
        disabled={!connected}
        testId="settings.extend-reviewing"
      />
      <Button className="mt-2" disabled={!connected} onClick={() => void sendTest()} data-testid="settings.notify-test">
        Send test
      </Button>
    </>
  );
}

async function sendTest(): Promise<void> {
  const reply = await call('channels.test', { name: 'desktop://' });
  if (!reply.ok) return toast(`Not sent: ${reply.failure.message}`, 'failed');
  toast(reply.value.detail, reply.value.delivered ? 'done' : 'failed');
}

function BrowserPermission(): ReactNode {
  const [permission, setPermission] = useState(() => ('Notification' in window ? Notification.permission : 'denied'));
  if (permission === 'granted') return null;
  if (permission === 'denied') {
    return (
      <p className="mb-2 text-muted">
        This browser does not allow it. Allow notifications for this address in its settings.
      </p>
    );
  }
  return (
    <Button
      className="mb-2"
      onClick={() => void Notification.requestPermission().then(setPermission)}
      data-testid="settings.notify-allow"
    >
      Allow notifications in this browser
    </Button>
  );
}

function QuietHours(props: {
  readonly from: string | null;
  readonly to: string | null;
  readonly disabled: boolean;
  readonly onChange: (hours: { quiet_from: string | null; quiet_to: string | null }) => void;
}): ReactNode {
  const [from, setFrom] = useState(props.from ?? '');
  const [to, setTo] = useState(props.to ?? '');
  const complete = from !== '' && to !== '' && from !== to;
  const unchanged = from === (props.from ?? '') && to === (props.to ?? '');
  return (
    <form
      className="my-2 rounded border border-line p-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (complete) props.onChange({ quiet_from: from, quiet_to: to });
      }}
    >
      <p className="mb-1">Quiet hours: notifications are silent, the count goes on.</p>
      <TextField
        label="From"
        type="time"
        value={from}
        disabled={props.disabled}
        onChange={(event) => setFrom(event.target.value)}
        testId="settings.quiet-from"
      />
      <TextField
        label="To"
        type="time"
        value={to}
        disabled={props.disabled}
        onChange={(event) => setTo(event.target.value)}
        testId="settings.quiet-to"
      />
      <div className="flex gap-2">
        <Button type="submit" disabled={props.disabled || !complete || unchanged} data-testid="settings.quiet-save">
          Set quiet hours
        </Button>
        <Button
          disabled={props.disabled || props.from === null}
          onClick={() => props.onChange({ quiet_from: null, quiet_to: null })}
          data-testid="settings.quiet-off"
        >
          Turn off
        </Button>
      </div>
    </form>
  );
}
