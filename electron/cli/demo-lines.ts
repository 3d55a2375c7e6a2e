import { quoteForCmd, quoteForShell } from './shell-quote.ts';

/** What a person can paste to see the demo work. */
export interface DemoAccess {
  readonly token: string;
  readonly model: string;
}

const PROMPT = 'Say hello';

/**
 * Two commands that work as pasted: curl, and Node with the OpenAI SDK installed. `agentUrl` is the agent port's
 * address with or without `/v1`. On Windows they are written for cmd, elsewhere for a POSIX shell.
 */
export function renderDemoLines(agentUrl: string, demo: DemoAccess, platform: NodeJS.Platform): readonly string[] {
  const base = `${agentUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;
  const body = JSON.stringify({ model: demo.model, messages: [{ role: 'user', content: PROMPT }] });
  const quote = platform === 'win32' ? quoteForCmd : quoteForShell;
  const curl = [
    `curl ${base}/chat/completions`,
    `-H ${quote(`Authorization: Bearer ${demo.token}`)}`,
    `-H ${quote('Content-Type: application/json')}`,
    `-d ${quote(body)}`,
  ].join(' ');
  return [curl, `node --input-type=module -e ${quote(sdkScript(base, demo))}`];
}

function sdkScript(base: string, demo: DemoAccess): string {
  const text = (value: string) => `'${value}'`;
  return [
    `import OpenAI from 'openai';`,
    `const client = new OpenAI({ baseURL: ${text(base)}, apiKey: ${text(demo.token)} });`,
    `const answer = await client.chat.completions.create({ model: ${text(demo.model)}, messages: [{ role: 'user', content: ${text(PROMPT)} }] });`,
    'console.log(answer.choices[0].message.content);',
  ].join(' ');
}
