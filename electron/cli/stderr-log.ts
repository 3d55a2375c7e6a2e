import type { Log } from '../../proxy-core/ports.ts';
import { escapeCell, renderJson, renderTime } from './output.ts';

/**
 * A log on a stream: short lines for a terminal, one JSON document a line for anything else. The core redacts
 * its facts before they get here.
 */
export function createStreamLog(stream: NodeJS.WriteStream, now: () => number): Log {
  const write = (level: 'info' | 'warn' | 'error', event: string, facts: Readonly<Record<string, unknown>> = {}) => {
    const at = now();
    if (!stream.isTTY) {
      stream.write(`${renderJson({ at: new Date(at).toISOString(), level, event, ...facts })}\n`);
      return;
    }
    const shown = Object.entries(facts).map(([name, value]) => ` ${name}=${escapeCell(String(JSON.stringify(value)))}`);
    stream.write(`${renderTime(at)} ${level.padEnd(5)} ${escapeCell(event)}${shown.join('')}\n`);
  };
  return {
    info: (event, facts) => write('info', event, facts),
    warn: (event, facts) => write('warn', event, facts),
    error: (event, facts) => write('error', event, facts),
  };
}
