import { canBe, type PlainPath, plainPath } from './plain-paths.ts';

/** Settings of the clients that say where model calls go, and files that say what an agent or the person's shell runs by itself. */

/** Variables that clients read for their base URL and the credential that goes with it (clients §1 and the clients' own documents). */
const VARIABLE =
  /^((ANTHROPIC|OPENAI|GOOGLE_GEMINI|GEMINI|GOOGLE_VERTEX|AZURE_OPENAI|CODEX|COPILOT_PROVIDER|OPENROUTER|MISTRAL|XAI|DEEPSEEK|GROQ)_(API_)?(BASE_URL|BASE|BASEURL|ENDPOINT)|ANTHROPIC_(BEDROCK|VERTEX|FOUNDRY)_BASE_URL|ANTHROPIC_(AUTH_TOKEN|CUSTOM_HEADERS)|CLAUDE_CODE_USE_(BEDROCK|VERTEX|FOUNDRY)|RUNGATE_(TOKEN|URL|AGENT_URL)|CLAUDE_CONFIG_DIR|CODEX_HOME|OPENCODE_CONFIG(_DIR|_CONTENT)?)$/i;

/** Whether a variable says where a client sends its calls, or as whom. */
export const isClientVariable = (name: string): boolean => VARIABLE.test(name);

const VARIABLES_IN_TEXT =
  /(?:^|[^\w])((?:[A-Z]+_)+(?:BASE_URL|API_BASE|BASEURL|ENDPOINT|AUTH_TOKEN|CUSTOM_HEADERS)|CLAUDE_CODE_USE_\w+|CLAUDE_CONFIG_DIR|CODEX_HOME)(?:["'\]]{0,2}\s{0,4}(?:=(?!=)|:|,)|\s)/gi;

/** Whether a file's text (of a profile, an `.env`, a client's settings) sets one of the variables. */
export const setsVariable = (text: string): boolean =>
  [...text.matchAll(VARIABLES_IN_TEXT)].some(([, name = '']) => isClientVariable(name));

/** Code that sets a variable of its own process for what it starts: `os.environ["X"] = …`, `process.env.X = …`. */
const SET_IN_CODE =
  /(?:environ(?:\.update\()?|env|ENV|putenv|setenv|SetEnvironmentVariable)\W{1,6}(\w+)["'\]]{0,2}\s{0,4}(?:=(?!=)|,|:)/g;
const UNSET_IN_CODE =
  /(?:delete\s{1,4}process\.env\W{1,2}|environ\.pop\W{1,3}|del\s{1,4}os\.environ\W{1,3}|unsetenv\W{1,3})(\w+)/g;

/** Whether source code sets or removes one of the variables. */
export const setsVariableInCode = (code: string): boolean =>
  [...code.matchAll(SET_IN_CODE), ...code.matchAll(UNSET_IN_CODE)].some(([, name = '']) => isClientVariable(name));

/** Words of settings files that say where calls go: Codex, opencode, Claude Code, Gemini CLI. */
const ADDRESS_WORDS =
  /base_?url|api_?base|model_providers?\b|apiKeyHelper|_AUTH_TOKEN\b|CUSTOM_HEADERS|"?env_key"?\s*[=:]|http_headers/i;

/** Whether a settings text says where calls go. */
export const saysAddress = (text: string): boolean => ADDRESS_WORDS.test(text);

/** An option of Codex, or of another client, that says where calls go for one start. */
export const isAddressOption = (word: string): boolean =>
  /^(--?\w+=)?(openai_base_url|chatgpt_base_url|model_provider|model_providers?\.[\w.-]+)\s*=/i.test(word);

/** Files in which clients keep their settings. */
const CLIENT_FILES: readonly (readonly string[])[] = [
  ['.claude', 'settings.json'],
  ['.claude', 'settings.local.json'],
  ['.claude.json'],
  ['claude-code', 'managed-settings.json'],
  ['.codex', 'config.toml'],
  ['.codex', 'auth.json'],
  ['opencode.json'],
  ['opencode.jsonc'],
  ['.openclaw', 'openclaw.json'],
  ['.gemini', 'settings.json'],
  ['.qwen', 'settings.json'],
  ['.copilot', 'config.json'],
  ['.pi', 'agent', 'models.json'],
  ['.continue', 'config.yaml'],
];
/** What an agent loads and runs by itself beside them: hooks, plugins, MCP servers. */
const AGENT_FILES: readonly (readonly string[])[] = [
  ['.mcp.json'],
  ['mcp.json'],
  ['.cursor', 'hooks.json'],
  ['.copilot', 'mcp-config.json'],
  ['claude_desktop_config.json'],
  ['.codex', 'hooks.json'],
  ['.aider.conf.yml'],
];
const AGENT_FOLDERS: readonly (readonly string[])[] = [
  ['.claude', 'hooks'],
  ['.claude', 'plugins'],
  ['.codex', 'hooks'],
  ['.codex', 'plugins'],
  ['.opencode', 'plugin'],
  ['.opencode', 'plugins'],
  ['.config', 'opencode', 'plugin'],
  ['.openclaw', 'hooks'],
  ['.gemini', 'extensions'],
  ['.config', 'systemd', 'user'],
  ['.config', 'autostart'],
  ['launchagents'],
  ['launchdaemons'],
  ['.git', 'hooks'],
  ['etc', 'cron.d'],
  ['etc', 'cron.daily'],
  ['spool', 'cron'],
];
const PROFILES =
  /^(\.(bashrc|bash_profile|bash_login|bash_aliases|bash_logout|zshrc|zprofile|zshenv|zlogin|profile|xprofile|pam_environment)|config\.fish|profile\.ps1|microsoft\.powershell_profile\.ps1|crontab)$/;

/** What kind of file a path is, as far as it matters to agents. */
export type ClientFile = 'client' | 'agent' | 'profile' | 'environment' | 'none';

/** Read what a path is; a glob counts as what it can be. */
export function clientFileOf(path: string): ClientFile {
  const plain = plainPath(path);
  const name = plain.parts.at(-1) ?? '';
  if (CLIENT_FILES.some((names) => ends(plain, names))) return 'client';
  if (PROFILES.test(name)) return 'profile';
  if (AGENT_FILES.some((names) => ends(plain, names)) || AGENT_FOLDERS.some((names) => within(plain, names)))
    return 'agent';
  return /^\.env(rc)?(\.(local|production|development|test|prod|dev|staging))*$/.test(name) ? 'environment' : 'none';
}

function ends({ parts }: PlainPath, names: readonly string[]): boolean {
  const found = parts.slice(-names.length);
  const plain = found.some((part) => !/[*?[]/.test(part) || part.replace(/[*?[\]]/g, '').length >= 4);
  return plain && found.length === names.length && names.every((name, index) => canBe(found[index] ?? '', name));
}

const within = ({ parts }: PlainPath, names: readonly string[]): boolean =>
  parts.some(
    (_, start) => start + names.length < parts.length && names.every((name, index) => parts[start + index] === name),
  );
