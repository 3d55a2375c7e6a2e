import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openHiddenPrompt } from '../../electron/cli/hidden-input.ts';

/** A prompt between two streams: what is typed, and what the screen shows. */
function openTerminal() {
  const [typed, screen] = [new PassThrough(), new PassThrough()];
  const prompt = openHiddenPrompt(typed, screen);
  onTestFinished(() => prompt.close());
  return { typed, prompt, shown: () => text(screen.end()) };
}

describe('a hidden prompt', () => {
  it('returns each line that is typed and shows the questions only', async () => {
    const { typed, prompt, shown } = openTerminal();
    const first = prompt.ask('Key: ');
    typed.write('sk-x\x7fyz\r');
    expect(await first).toBe('sk-yz');
    const second = prompt.ask('Again: ');
    typed.write('sk-2\r');
    expect(await second).toBe('sk-2');
    expect(await shown()).toBe('Key: \nAgain: \n');
  });

  it.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('returns null on %s, and for every question after it', async (_name, key) => {
    const { typed, prompt } = openTerminal();
    const answer = prompt.ask('Key: ');
    typed.write(key);
    expect(await answer).toBeNull();
    expect(await prompt.ask('Again: ')).toBeNull();
  });

  it('returns null when the terminal goes away', async () => {
    const { typed, prompt } = openTerminal();
    const answer = prompt.ask('Key: ');
    typed.end();
    expect(await answer).toBeNull();
  });
});
