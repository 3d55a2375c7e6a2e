import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseHome } from '../../electron/cli/home.ts';
import { prepareSocketFolder, socketPath } from '../../electron/socket-path.ts';
import { temporaryFolder } from './rungate-process.ts';

describe('the command socket’s path', () => {
  it('lies in the home folder', () => {
    expect(socketPath('/home/a/.local/share/rungate', 'linux')).toBe('/home/a/.local/share/rungate/rungate.sock');
  });

  it('fits a Unix socket on Linux and macOS, however long the home’s path', () => {
    for (let length = 1; length < 300; length += 1) {
      const path = socketPath(`/${'é'.repeat(length)}`, 'darwin');
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103);
    }
  });

  it('is another one for another home', () => {
    const long = `/${'x'.repeat(200)}`;
    expect(socketPath(`${long}1`, 'linux')).not.toBe(socketPath(`${long}2`, 'linux'));
    expect(socketPath('/a', 'win32')).not.toBe(socketPath('/b', 'win32'));
  });

  it('is the same one for the same home written in another way', () => {
    expect(socketPath('/a/../b/', 'linux')).toBe(socketPath('/b', 'linux'));
  });

  it('is a named pipe on Windows', () => {
    expect(socketPath('/a', 'win32')).toMatch(/^\\\\\.\\pipe\\rungate-[0-9a-f]{16}$/);
  });
});

describe.skipIf(process.platform === 'win32')('the command socket’s folder', () => {
  it('is refused where others may write to it, with what to do', () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o777);
    const refusal = { code: 'socket_refused', hint: expect.stringContaining('chmod 700') };
    expect(() => prepareSocketFolder(join(folder, 'rungate.sock'))).toThrow(expect.objectContaining(refusal));
  });
});

describe('the home folder', () => {
  it('is what --home says before RUNGATE_HOME before the platform', () => {
    expect(chooseHome('/x', { RUNGATE_HOME: '/y' }, 'linux')).toBe('/x');
    expect(chooseHome(undefined, { RUNGATE_HOME: '/y' }, 'linux')).toBe('/y');
    expect(chooseHome(undefined, { RUNGATE_HOME: '', XDG_DATA_HOME: '/z' }, 'linux')).toBe('/z/rungate');
  });

  it('is the platform’s application-data folder', () => {
    expect(chooseHome(undefined, {}, 'linux')).toMatch(/\/\.local\/share\/rungate$/);
    expect(chooseHome(undefined, { XDG_DATA_HOME: 'relative' }, 'linux')).toMatch(/\/\.local\/share\/rungate$/);
    expect(chooseHome(undefined, {}, 'darwin')).toMatch(/\/Library\/Application Support\/Rungate$/);
    expect(chooseHome(undefined, { APPDATA: '/data' }, 'win32')).toBe(join('/data', 'Rungate'));
  });
});
