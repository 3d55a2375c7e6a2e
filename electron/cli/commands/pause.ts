import { type Command, command, printed } from '../command.ts';

const pause = command({
  name: 'pause',
  operands: [],
  about: 'Pause everything: new calls are refused until you resume.',
  options: {},
  async run({ call }) {
    return printed(await call('core.pause', {}), (value) => ({
      json: value,
      text: 'Paused: new calls are refused. Resume with: rungate resume',
    }));
  },
});

const resume = command({
  name: 'resume',
  operands: [],
  about: 'Take calls again.',
  options: {},
  async run({ call }) {
    return printed(await call('core.resume', {}), (value) => ({
      json: value,
      text: 'Resumed: calls are taken again.',
    }));
  },
});

/** Everything at once: stop and go. */
export const pauseCommands: readonly Command[] = [pause, resume];
