import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENTS, SHELLS, snippetsFor } from '../../../renderer/screens/connect/snippets.ts';
import { columnsFor } from '../../../renderer/screens/runs/columns.ts';
import { roughlyAgo } from '../../../renderer/screens/runs/rough.ts';

const widthOf = (columns: ReturnType<typeof columnsFor>): number => columns.reduce((sum, { width }) => sum + width, 0);

describe('the columns of the runs', () => {
  it('fit the room from 390 px on: nothing overflows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 390, max: 3_000 }), (width) => {
        expect(widthOf(columnsFor(width))).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('keep state, run, cost and the menu at any width, and are all there when there is room', () => {
    expect(columnsFor(100).map(({ id }) => id)).toEqual(['state', 'run', 'cost', 'menu']);
    expect(columnsFor(1_600)).toHaveLength(13);
  });
});

describe('the time since', () => {
  it('is told in one unit', () => {
    expect(roughlyAgo(0, 500)).toBe('just now');
    expect(roughlyAgo(0, 42_000)).toBe('42 s ago');
    expect(roughlyAgo(0, 3_700_000)).toBe('1 h ago');
    expect(roughlyAgo(0, 26 * 3_600_000)).toBe('1 d ago');
  });
});

describe('connect snippets', () => {
  const URL = 'http://127.0.0.1:4141';
  const text = (client: (typeof CLIENTS)[number], shell: (typeof SHELLS)[number] = 'bash'): string =>
    snippetsFor(client, shell, URL, 'rg_agt_secret')
      .map((snippet) => snippet.text)
      .join('\n');

  it('carry the address and the token for every client and shell', () => {
    for (const client of CLIENTS)
      for (const shell of SHELLS) {
        expect(text(client, shell)).toContain(URL);
        expect(text(client, shell)).toContain('rg_agt_secret');
      }
  });

  it('give Claude Code the base without /v1, and unset the key that would win over the token', () => {
    expect(text('claude-code')).toContain(`ANTHROPIC_BASE_URL="${URL}"\n`);
    expect(text('claude-code')).toContain('unset ANTHROPIC_API_KEY');
    expect(text('claude-code', 'fish')).toContain('set -e ANTHROPIC_API_KEY');
    expect(text('claude-code', 'powershell')).toContain('Remove-Item Env:ANTHROPIC_API_KEY');
    expect(text('anthropic-sdk')).not.toContain('/v1');
  });

  it('give OpenAI clients the base with /v1, once', () => {
    for (const client of ['codex', 'openai-sdk', 'curl'] as const) {
      expect(text(client)).toContain(`${URL}/v1`);
      expect(text(client)).not.toContain('/v1/v1');
    }
    expect(snippetsFor('openai-sdk', 'bash', `${URL}/`, 't')[0]?.text).toContain(`"${URL}/v1"`);
  });
});
