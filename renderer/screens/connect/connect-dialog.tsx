import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/empty-state.tsx';
import { TextField } from '../../parts/field.tsx';
import { call, type OperationOutput, useConnected, useConsole } from '../../store/console.ts';
import { ConnectSnippets } from './connect-snippets.tsx';

type Issued = OperationOutput<'agents.add'>;

/** Registers an agent and says, with its token filled in, how to point a client at Rungate. */
export function ConnectDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [issued, setIssued] = useState<Issued | null>(null);
  const url = useConsole((state) => state.status?.agent_url ?? 'http://127.0.0.1:4141');
  return (
    <Dialog
      title={issued === null ? 'Connect an agent' : `Connect ${issued.agent.name}`}
      testId="connect.dialog"
      onClose={onClose}
      wide
    >
      {issued === null ? (
        <AddAgent onIssued={setIssued} onCancel={onClose} />
      ) : (
        <ConnectSnippets url={url} token={issued.token} />
      )}
      {issued === null ? null : (
        <div className="mt-4 flex items-center justify-end gap-3">
          <p className="text-small text-muted">The token is not shown again. A lost one is replaced by rotating it.</p>
          <Button look="primary" onClick={onClose} data-testid="connect.done">
            Done
          </Button>
        </div>
      )}
    </Dialog>
  );
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function AddAgent(props: { readonly onIssued: (issued: Issued) => void; readonly onCancel: () => void }): ReactNode {
  const [name, setName] = useState('');
  const [cap, setCap] = useState('5');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const connected = useConnected();
  const usd = Number(cap);
  const valid = NAME.test(name) && (cap.trim() === '' || (Number.isFinite(usd) && usd > 0 && usd <= 1_000_000));
  const add = async (): Promise<void> => {
    setBusy(true);
    const reply = await call('agents.add', { name, ...(cap.trim() === '' ? {} : { budget_usd: usd }) });
    setBusy(false);
    if (reply.ok) props.onIssued(reply.value);
    else setFailure(reply.failure.message);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (valid) void add();
  };
  return (
    <form onSubmit={submit}>
      <p className="mb-2 text-muted">
        An agent is whoever calls: it has a token of its own, a cap for each run, and the starter policy, which gates
        destructive actions.
      </p>
      <TextField
        label="Name"
        hint="Letters, digits, dot, dash and underscore: refactor-bot"
        value={name}
        onChange={(event) => setName(event.target.value)}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        aria-invalid={name !== '' && !NAME.test(name)}
        testId="connect.name"
      />
      <TextField
        label="Cap per run, USD"
        hint="Empty: what the policy says"
        value={cap}
        inputMode="decimal"
        onChange={(event) => setCap(event.target.value)}
        testId="connect.cap"
      />
      {failure === null ? null : <FailureNote message={failure} testId="connect.failure" />}
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={props.onCancel}>Cancel</Button>
        <Button look="primary" type="submit" disabled={!valid || busy || !connected} data-testid="connect.add">
          Create token
        </Button>
      </div>
    </form>
  );
}
