import type { Conversation } from '../contract/conversation.ts';

/** What a client's own request says of the work around a call. All of it is the agent's word, not a fact. */

type Message = Conversation['messages'][number];

const GOAL_LENGTH = 400;

/** The start of the first thing a user said, without what clients put around it in tags; null if nothing was said. */
export function goalOf(messages: readonly Message[]): string | null {
  const said = messages.filter(({ role, side }) => role === 'user' && side === 'request').flatMap(textsOf);
  const goal = said.map((text) => text.replace(TAGGED, '').trim()).find((text) => text !== '');
  if (goal === undefined) return null;
  return goal.length <= GOAL_LENGTH ? goal : `${goal.slice(0, GOAL_LENGTH)}…`;
}

/** Blocks such as `<system-reminder>…</system-reminder>` or `<environment_context>…` at the start of a text. */
const TAGGED =
  /^\s*(?:<(system-reminder|environment_context|user_instructions|command-[a-z]+|local-command-[a-z]+|env)>[\s\S]*?<\/\1>\s*)+/;

/**
 * The working directory that the client names: Codex as `<cwd>` in its environment context (the latest counts), Claude
 * Code and opencode in their system prompt, Gemini CLI in words. Tool results are not looked at: what a file says is
 * no client's word.
 */
export function clientCwd(messages: readonly Message[]): string | null {
  const asked = messages.filter(({ side }) => side === 'request');
  const contexts = asked.flatMap(textsOf).filter((text) => /^\s*<environment_context>/.test(text));
  const latest = contexts.flatMap((text) => /<cwd>([^<\n]{1,4096})<\/cwd>/.exec(text)?.[1] ?? []).at(-1);
  const named = asked
    .filter(({ role }) => role === 'system' || role === 'developer')
    .flatMap(textsOf)
    .flatMap((text) => NAMED.exec(text)?.[1] ?? [])[0];
  const cwd = (latest ?? named)?.trim();
  return cwd !== undefined && isAbsolute(cwd) ? cwd : null;
}

const NAMED =
  /^[ \t*-]{0,8}(?:(?:Primary |Current )?[Ww]orking directory|I'm currently working in the directory): ?`?([^\n`]{1,4096})/m;

const isAbsolute = (path: string): boolean => /^(?:\/|[A-Za-z]:[\\/])/.test(path);

const textsOf = ({ parts }: Message): readonly string[] =>
  parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));

/** What the model wrote before its first call; null if that is nothing. */
export function saidBefore(messages: readonly Message[]): string | null {
  const texts: string[] = [];
  for (const { side, parts } of messages) {
    if (side !== 'response') continue;
    for (const part of parts) {
      if (part.kind === 'tool_call') return joined(texts);
      if (part.kind === 'text') texts.push(part.cut === 0 ? part.text : `${part.text}… (${part.cut} more characters)`);
    }
  }
  return joined(texts);
}

const joined = (texts: readonly string[]): string | null => {
  const text = texts.join('\n\n');
  return text.trim() === '' ? null : text;
};
