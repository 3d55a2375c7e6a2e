import { Tabs } from 'radix-ui';
import { type ReactNode, useState } from 'react';
import { CopyButton } from '../../parts/copy-button.tsx';
import { CLIENT_LABELS, CLIENTS, SHELL_LABELS, SHELLS, type ShellName, snippetsFor } from './snippets.ts';

const LINE = 'flex gap-2 rounded border border-line bg-bg p-2';

/** What to paste for each client, with the port and the token filled in. */
export function ConnectSnippets({ url, token }: { readonly url: string; readonly token: string }): ReactNode {
  const [shell, setShell] = useState<ShellName>('bash');
  return (
    <div className="flex flex-col gap-3">
      <Copied label="Base URL" text={url} testId="connect.url" />
      <Copied label="Agent token, shown this once" text={token} testId="connect.token" />
      <Tabs.Root defaultValue="claude-code">
        <div className="flex flex-wrap items-end gap-x-4 border-b border-line">
          <Tabs.List aria-label="Client" className="flex flex-1 flex-wrap">
            {CLIENTS.map((client) => (
              <Tabs.Trigger
                key={client}
                value={client}
                data-testid={`connect.${client}`}
                className="h-9 border-b-2 border-transparent px-3 text-muted hover:text-text data-[state=active]:border-accent forced-colors:data-[state=active]:outline-2 forced-colors:data-[state=active]:-outline-offset-2 data-[state=active]:text-text"
              >
                {CLIENT_LABELS[client]}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          <label className="flex items-center gap-2 pb-1 text-small text-muted">
            Shell
            <select
              value={shell}
              onChange={(event) => setShell(SHELLS.find((each) => each === event.target.value) ?? 'bash')}
              data-testid="connect.shell"
              className="h-7 rounded border border-control bg-surface px-1 text-base text-text"
            >
              {SHELLS.map((each) => (
                <option key={each} value={each}>
                  {SHELL_LABELS[each]}
                </option>
              ))}
            </select>
          </label>
        </div>
        {CLIENTS.map((client) => (
          <Tabs.Content key={client} value={client} className="flex flex-col gap-3 pt-3">
            {snippetsFor(client, shell, url, token).map(({ where, text }) => (
              <div key={where}>
                <p className="mb-1 text-small text-muted">{where}</p>
                <div className={LINE}>
                  <pre className="untrusted min-w-0 flex-1 font-mono text-mono" data-testid="connect.snippet">
                    {text}
                  </pre>
                  <CopyButton text={text} label={where} testId="connect.copy" />
                </div>
              </div>
            ))}
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </div>
  );
}

const Copied = ({
  label,
  text,
  testId,
}: {
  readonly label: string;
  readonly text: string;
  readonly testId: string;
}): ReactNode => (
  <div>
    <p className="mb-1 text-small text-muted">{label}</p>
    <div className={`${LINE} items-center`}>
      <code className="untrusted min-w-0 flex-1 font-mono text-mono" data-testid={testId}>
        {text}
      </code>
      <CopyButton text={text} label={label} testId={`${testId}-copy`} />
    </div>
  </div>
);
