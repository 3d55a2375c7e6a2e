import { z } from 'zod';
import type { DesktopNotice } from '../notify/desktop-notice.ts';
import { type Channel, DELIVERED, type DeliveryResult } from './channel.ts';

/** The host's way to show a native notification. Rejects or throws if it could not; that is tried again. */
export type ShowNotice = (notice: DesktopNotice | DesktopTest) => void | Promise<void>;

/** What "Send test" shows: it belongs to no gate. */
export interface DesktopTest {
  readonly gate_id: null;
  readonly title: string;
  readonly body: string;
}

export interface DesktopSettings {
  readonly kind: 'desktop';
  readonly show: ShowNotice;
}

const TEST: DesktopTest = { gate_id: null, title: 'Rungate', body: 'Notifications work.' };

const storedNotice = z.object({
  gate_id: z.string(),
  run_id: z.string(),
  title: z.string(),
  body: z.string(),
  rule: z.string(),
  expires_at: z.string(),
});

/** `desktop://`: native notifications of gates that name it, shown by the host in this process. */
export function openDesktop({ show }: DesktopSettings): Channel {
  const attempt = async (run: () => void | Promise<void>): Promise<DeliveryResult> => {
    try {
      await run();
      return DELIVERED;
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'the notification could not be shown';
      return { kind: 'failed', retryable: true, detail: detail.slice(0, 300) };
    }
  };
  return {
    name: 'desktop://',
    kind: 'desktop',
    events: [],
    deliver: ({ payload }) => attempt(() => show(storedNotice.parse(JSON.parse(payload)))),
    test: () => attempt(() => show(TEST)),
    close: () => Promise.resolve(),
  };
}
