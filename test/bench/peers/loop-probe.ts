import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Preloaded into a proxy under test (`node --import`): tells the parent its event-loop delay on request, over the
 * fork channel. Costs a timer every 10 ms.
 */
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();

process.on('message', (message) => {
  if (message === 'reset') delay.reset();
  else process.send?.({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 });
});
process.channel?.unref();
