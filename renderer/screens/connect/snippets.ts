/** How each client is pointed at Rungate. Facts of the clients: `clients.md`. */

export const CLIENTS = ['claude-code', 'codex', 'openai-sdk', 'anthropic-sdk', 'curl'] as const;
export type ClientName = (typeof CLIENTS)[number];
export const SHELLS = ['bash', 'powershell', 'fish'] as const;
export type ShellName = (typeof SHELLS)[number];

export const CLIENT_LABELS: Readonly<Record<ClientName, string>> = {
  'claude-code': 'Claude Code',
  codex: 'Codex',
  'openai-sdk': 'OpenAI SDK',
  'anthropic-sdk': 'Anthropic SDK',
  curl: 'curl',
};
export const SHELL_LABELS: Readonly<Record<ShellName, string>> = {
  bash: 'bash, zsh',
  powershell: 'PowerShell',
  fish: 'fish',
};

/** Text to copy: where it belongs, and what it is. */
export interface Snippet {
  readonly where: string;
  readonly text: string;
}

interface Setting {
  readonly name: string;
  /** Null: to be unset. */
  readonly value: string | null;
}

/** What connects a client. `url` is the agent port's origin without `/v1`; `token` may be a placeholder. */
export function snippetsFor(client: ClientName, shell: ShellName, url: string, token: string): readonly Snippet[] {
  const base = url.replace(/\/+$/, '');
  const inShell = (settings: readonly Setting[], then: string): Snippet => ({
    where: `In your shell (${SHELL_LABELS[shell]})`,
    text: [...settings.map((setting) => renderSetting(shell, setting)), then].join('\n'),
  });
  switch (client) {
    case 'claude-code':
      return [
        inShell(
          [
            { name: 'ANTHROPIC_BASE_URL', value: base },
            { name: 'ANTHROPIC_AUTH_TOKEN', value: token },
            { name: 'ANTHROPIC_API_KEY', value: null },
            // Its own patience would end a held stream before a person has decided.
            { name: 'CLAUDE_STREAM_IDLE_TIMEOUT_MS', value: '3600000' },
          ],
          'claude',
        ),
      ];
    case 'codex':
      return [
        { where: 'In ~/.codex/config.toml', text: codexConfig(base) },
        inShell([{ name: 'RUNGATE_KEY', value: token }], 'codex'),
      ];
    case 'openai-sdk':
      return [
        inShell(
          [
            { name: 'OPENAI_BASE_URL', value: `${base}/v1` },
            { name: 'OPENAI_API_KEY', value: token },
          ],
          'python agent.py',
        ),
        { where: 'Or in code', text: `new OpenAI({ baseURL: '${base}/v1', apiKey: '${token}' })` },
      ];
    case 'anthropic-sdk':
      return [
        inShell(
          [
            { name: 'ANTHROPIC_BASE_URL', value: base },
            { name: 'ANTHROPIC_API_KEY', value: token },
          ],
          'python agent.py',
        ),
        { where: 'Or in code', text: `new Anthropic({ baseURL: '${base}', apiKey: '${token}' })` },
      ];
    case 'curl':
      return [{ where: `In your shell (${SHELL_LABELS[shell]})`, text: curl(shell, base, token) }];
  }
}

function renderSetting(shell: ShellName, { name, value }: Setting): string {
  switch (shell) {
    case 'bash':
      return value === null ? `unset ${name}` : `export ${name}="${value}"`;
    case 'fish':
      return value === null ? `set -e ${name}` : `set -gx ${name} "${value}"`;
    case 'powershell':
      return value === null ? `Remove-Item Env:${name} -ErrorAction SilentlyContinue` : `$env:${name} = "${value}"`;
  }
}

const codexConfig = (base: string): string =>
  [
    'model_provider = "rungate"',
    '',
    '[model_providers.rungate]',
    'name = "Rungate"',
    `base_url = "${base}/v1"`,
    'env_key = "RUNGATE_KEY"',
    'wire_api = "responses"',
    'stream_idle_timeout_ms = 3600000',
  ].join('\n');

function curl(shell: ShellName, base: string, token: string): string {
  const body = '{"model":"demo-model","messages":[{"role":"user","content":"hello"}]}';
  const program = shell === 'powershell' ? 'curl.exe' : 'curl';
  const go = shell === 'powershell' ? '`' : '\\';
  const quoted = shell === 'powershell' ? body.replaceAll('"', '\\"') : body;
  return [
    `${program} ${base}/v1/chat/completions ${go}`,
    `  -H "Authorization: Bearer ${token}" ${go}`,
    `  -H "Content-Type: application/json" ${go}`,
    `  -d '${quoted}'`,
  ].join('\n');
}
