import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Handlers } from './call.ts';

/** Live OpenTelemetry: how it goes. */
export const telemetryHandlers = (telemetry: () => Telemetry | null): Pick<Handlers, 'telemetry.status'> => ({
  'telemetry.status': () => {
    const live = telemetry();
    if (live === null) return { endpoint: null, protocol: null, content: false, ...IDLE };
    const { queued, exported, dropped, lastExportAt, lastError } = live.status;
    return {
      endpoint: live.endpoint,
      protocol: live.protocol,
      content: live.content,
      queued,
      exported,
      dropped,
      last_export_at: lastExportAt,
      last_error: lastError,
    };
  },
});

const IDLE = { queued: 0, exported: 0, dropped: 0, last_export_at: null, last_error: null };
