import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../electron/cli/commands.ts';
import { budgetExceeded } from '../../../proxy-core/budget/budget-failures.ts';
import { failure, MESSAGE_LIMIT } from '../../../proxy-core/contract/failures.ts';
import { usdToNano } from '../../../proxy-core/contract/money.ts';
import { COMMAND_WORDS, spellCommands, spellFailure } from '../../../proxy-core/contract/program.ts';
import { budgetRecord } from '../../../proxy-core/contract/records.ts';

const NPX = 'npx rungate';

describe('commands in texts', () => {
  it.each([
    ['See: rungate runs', 'See: npx rungate runs'],
    [
      'raise (rungate budgets set --run r --usd X) or reset',
      'raise (npx rungate budgets set --run r --usd X) or reset',
    ],
    ['rungate agents rotate rungate', 'npx rungate agents rotate rungate'],
    ['npx rungate runs', 'npx rungate runs'],
    ['node /opt/rungate runs', 'node /opt/rungate runs'],
    ['The agent rungate has no budget.', 'The agent rungate has no budget.'],
    ['Rungate serves', 'Rungate serves'],
  ])('%j is shown as %j', (text, shown) => {
    expect(spellCommands(text, NPX)).toBe(shown);
    expect(spellCommands(shown, NPX)).toBe(shown);
  });

  it('are found by the first words of all commands that there are', () => {
    const words = new Set<string>(COMMAND_WORDS);
    const unknown = COMMANDS.map(({ name }) => name.split(' ')[0] ?? '').filter((word) => !words.has(word));
    expect(unknown).toEqual([]);
  });

  it('take a name with characters that replacing would read', () => {
    expect(spellCommands('See: rungate runs', "node '/a/$& b/rungate.js'")).toBe("See: node '/a/$& b/rungate.js' runs");
  });
});

describe('a refusal whose command is long', () => {
  const run = `run_${'1'.repeat(26)}`;
  const budget = budgetRecord.parse({
    scope: 'run',
    subject: run,
    name: run,
    window: 'total',
    resets_at: null,
    cap_nano: usdToNano(5),
    spent_nano: usdToNano(5.02),
    reserved_nano: 0,
    alerted: [],
  });
  const refused = budgetExceeded(run, { crossed: budget, caps: [budget], stepThatCrossed: 41, crossedRunId: run });
  const command = (name: string): string => `${name} budgets set --run ${run} --usd X`;

  it.each([
    ['whole', 'rungate', ', then send the same request again.'],
    ['without what follows it', `node /home/somebody/rungate/electron/cli/rungate.js`, ''],
  ])('has it %s where it fits', (_, name, tail) => {
    const { message } = spellFailure(refused, name);
    expect(message).toBe(`Run cap $5.00 crossed at step 41 ($5.02 spent); raise it: ${command(name)}${tail}`);
    expect(message.length).toBeLessThanOrEqual(MESSAGE_LIMIT);
  });

  it('has it only in recover where it does not fit, never a part of it', () => {
    const name = `node /home/${'somebody/'.repeat(12)}electron/cli/rungate.js --home /srv/rungate`;
    const { message, context } = spellFailure(refused, name);
    expect(message).toBe('Run cap $5.00 crossed at step 41 ($5.02 spent).');
    expect(context['recover']).toContain(command(name));
  });

  it('is left as it is without a command', () => {
    const plain = failure('not_found', 'There is no gate x.', { tool: 'rungate runs', recover: 3 });
    expect(spellFailure(plain, NPX)).toEqual(plain);
  });
});
