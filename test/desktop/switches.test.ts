import { describe, expect, it } from 'vitest';
import { findRefusedSwitch } from '../../electron/switches.ts';

describe('B8: a start', () => {
  it.each([
    '--remote-debugging-port=9222',
    '--remote-debugging-port',
    '-remote-debugging-port=0',
    '/remote-debugging-port:9222',
    '--REMOTE-DEBUGGING-PORT=1',
    '--remote-debugging-pipe',
    '--inspect',
    '--inspect=0.0.0.0:9229',
    '--inspect-brk',
    '--js-flags=--expose-gc',
    '--disable-web-security',
  ])('with %s is refused', (argument) => {
    expect(findRefusedSwitch(['--hidden', argument], {})).not.toBeNull();
  });

  it('with ELECTRON_RUN_AS_NODE is refused', () => {
    expect(findRefusedSwitch([], { ELECTRON_RUN_AS_NODE: '1' })).toBe('ELECTRON_RUN_AS_NODE');
  });

  it.each(['--hidden', '--home=/srv/inspect', '--user-data-dir=/tmp/x', '--no-sandbox', 'inspect', '/home/inspector'])(
    'with %s is not',
    (argument) => {
      expect(findRefusedSwitch([argument], { ELECTRON_RUN_AS_NODE: '' })).toBeNull();
    },
  );
});
