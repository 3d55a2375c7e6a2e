import { type Command, command, type Outcome, refused } from '../command.ts';
import { openBrowser } from '../open-browser.ts';
import { escapeText } from '../output.ts';

/** A fresh way in to the console of the core that runs. */
export const consoleAddress: Command = command({
  name: 'console',
  operands: [],
  about: 'Print a fresh address of the console; it signs one browser in, once, within a minute.',
  options: { open: { type: 'boolean', about: 'Open it in the browser.' } },
  async run({ options, call, note }): Promise<Outcome> {
    const reply = await call('console.launch', {});
    if (!reply.ok) return refused(reply.failure);
    const { launch_url: address } = reply.value;
    if (options.open && !(await openBrowser(address))) note('No browser could be opened; open the address yourself.');
    return { kind: 'printed', json: reply.value, text: escapeText(address) };
  },
});
