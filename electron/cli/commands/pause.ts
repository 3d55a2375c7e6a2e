import { type Command, command, printed } from '../command.ts';
import { renderRecord } from '../output.ts';

const pause = command({
  name: 'pause',
  operands: [],
  about: 'Pause everything: new calls are refused until you resume.',
  options: {},
  async run({ call, program }) {
    return printed(await call('core.pause', {}), (value) => ({
      json: value,
      text: `Paused: new calls are refused. Resume with: ${program.here} resume`,
    }));
  },
});

const resume = command({
  name: 'resume',
  operands: [],
  about: 'Take calls again: everybody’s, or let one agent start runs again after a stop.',
  options: {
    agent: { type: 'string', value: 'NAME', about: 'Only this agent, one of whose runs was stopped.' },
  },
  async run({ options, call }) {
    if (options.agent !== undefined) {
      return printed(await call('agents.resume', { name: options.agent }), ({ agent }) => ({
        json: renderRecord({ agent }),
        text: `Agent ${agent.name} may start runs again.`,
      }));
    }
    return printed(await call('core.resume', {}), (value) => ({
      json: value,
      text: 'Resumed: calls are taken again.',
    }));
  },
});

/** Everything at once: stop and go. */
export const pauseCommands: readonly Command[] = [pause, resume];
