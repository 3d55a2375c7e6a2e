import { writeSync } from 'node:fs';
import type { CoreOptions } from '../../proxy-core/exchange/core.ts';
import { FAIL_POINTS, type FailPoint } from '../../proxy-core/store/messages.ts';
import { startTestRungate } from '../harness/rungate.ts';

/**
 * A core in a process of its own, to be killed. Arguments: its home, its provider's address, its limits as JSON. RUNGATE_FAIL_POINT
 * (`name:pass`) has the store kill it there; otherwise whoever started it does. Prints its address when it serves; at
 * SIGTERM it drains as the product does and exits 0.
 */
const [home = '', upstreamUrl = '', limits = '{}'] = process.argv.slice(2);

function failPointOf(text: string | undefined): FailPoint | null {
  const [name, pass] = (text ?? '').split(':');
  const at = FAIL_POINTS.find((known) => known === name);
  return at === undefined ? null : { at, pass: Number(pass) };
}

const failPoint = failPointOf(process.env['RUNGATE_FAIL_POINT']);
const rungate = await startTestRungate({
  home,
  upstreamUrl,
  limits: JSON.parse(limits) as Partial<CoreOptions>,
  // A short log, so that carrying it over is met too.
  store: { limits: { idlePages: 1, busyPages: 32 }, ...(failPoint === null ? {} : { failPoint }) },
});
process.once('SIGTERM', () => {
  writeSync(1, 'draining\n');
  void rungate.core.close().then(() => process.exit(0));
});
writeSync(1, `${rungate.url}\n`);
