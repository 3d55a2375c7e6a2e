import { type ReactNode, useState } from 'react';
import type { KeyRecord } from '../../../proxy-core/contract/host.ts';
import { Button } from '../../parts/button.tsx';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { TextField } from '../../parts/field.tsx';
import { useQuery } from '../../parts/use-query.ts';
import { call, useConnected, useConsole } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';

const KEPT = {
  protected: 'kept in the system’s key store',
  session: 'kept in memory until Rungate quits',
  outside: 'kept outside Rungate',
  nowhere: 'not set',
} as const;

/** The providers' keys: whether there is one, where it is kept, and how to set it. The key itself is never shown again. */
export function KeysSection(): ReactNode {
  const revision = useConsole((state) => state.revision.keys);
  const note = useConsole((state) => state.host?.key_storage_note ?? null);
  const { value, failure, reload } = useQuery('keys.list', {}, revision);
  if (failure !== null) return <FailureNote message={failure.message} onRetry={reload} testId="settings.keys-failed" />;
  if (value === null) return <Loading what="the keys" />;
  return (
    <>
      {note === null ? null : (
        <p role="note" data-testid="settings.keys-note" className="mb-3 rounded border border-control bg-bg p-2">
          {note}
        </p>
      )}
      <ul className="flex flex-col gap-3">
        {value.keys.map((key) => (
          <KeyRow key={key.provider} record={key} />
        ))}
      </ul>
    </>
  );
}

function KeyRow({ record }: { readonly record: KeyRecord }): ReactNode {
  const [editing, setEditing] = useState(false);
  const storage = useConsole((state) => state.host?.key_storage ?? 'none');
  const connected = useConnected();
  const settable = storage !== 'none' && record.reference.startsWith('keychain:');
  const remove = async (): Promise<void> => {
    const reply = await call('keys.remove', { provider: record.provider });
    toast(
      reply.ok ? `The key of ${record.provider} was removed.` : `Not removed: ${reply.failure.message}`,
      reply.ok ? 'done' : 'failed',
    );
  };
  return (
    <li className="rounded border border-line p-3" data-testid={`settings.key-row.${record.provider}`}>
      <div className="flex flex-wrap items-center gap-2">
        <strong>{record.provider}</strong>
        <span className="text-muted">{record.origin}</span>
        <span className="ml-auto">{describeKey(record)}</span>
      </div>
      {settable ? (
        <div className="mt-2 flex gap-2">
          <Button
            disabled={!connected}
            onClick={() => setEditing(true)}
            data-testid={`settings.key-set.${record.provider}`}
          >
            {record.state === 'set' ? 'Replace key' : 'Set key'}
          </Button>
          {record.state === 'set' ? (
            <Button
              disabled={!connected}
              onClick={() => void remove()}
              data-testid={`settings.key-remove.${record.provider}`}
            >
              Remove
            </Button>
          ) : null}
        </div>
      ) : null}
      {editing ? <KeyForm provider={record.provider} onDone={() => setEditing(false)} /> : null}
    </li>
  );
}

function describeKey({ state, kept, reference }: KeyRecord): string {
  if (state === 'none') return 'needs no key';
  if (kept === 'outside') return state === 'set' ? `set (${reference})` : `missing: set ${reference}`;
  return state === 'set' ? `set, ${KEPT[kept]}` : 'missing';
}

function KeyForm({ provider, onDone }: { readonly provider: string; readonly onDone: () => void }): ReactNode {
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    const reply = await call('keys.set', { provider, key: key.trim() });
    setBusy(false);
    setKey('');
    if (!reply.ok) return toast(`Not set: ${reply.failure.message}`, 'failed');
    const { ok, detail } = reply.value.checked;
    toast(
      ok ? `The key of ${provider} works. ${detail}` : `The key of ${provider} is kept, but: ${detail}`,
      ok ? 'done' : 'failed',
    );
    onDone();
  };
  return (
    <form
      className="mt-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== '' && !busy) void save();
      }}
    >
      <TextField
        label="Key"
        type="password"
        autoComplete="off"
        spellCheck={false}
        autoFocus
        value={key}
        onChange={(event) => setKey(event.target.value)}
        testId="settings.key-value"
      />
      <div className="flex gap-2">
        <Button type="submit" look="primary" disabled={busy || key.trim() === ''} data-testid="settings.key-save">
          {busy ? 'Checking…' : 'Save and check'}
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </form>
  );
}
