import type { Configuration } from '../config/schema.ts';
import type { ChannelKind } from '../notify/notice.ts';
import { secretOf } from '../providers/secrets.ts';
import type { Channel } from './channel.ts';
import { type DesktopSettings, type NoticePlanner, openDesktop } from './desktop.ts';
import { openWebhook, type WebhookPorts, type WebhookSettings } from './webhook.ts';

/** What one channel is made from; `kind` says which line of the table makes it. */
export type ChannelSettings = WebhookSettings | DesktopSettings;

/** What channels need of the host. */
export type ChannelPorts = WebhookPorts;

type SettingsOf<K extends ChannelKind> = Extract<ChannelSettings, { readonly kind: K }>;

const CHANNEL_KINDS: { readonly [K in ChannelKind]: (settings: SettingsOf<K>, ports: ChannelPorts) => Channel } = {
  webhook: openWebhook,
  desktop: openDesktop,
};

/** Make a channel. Throws an Error that names the channel if its settings cannot work. */
export function openChannel<K extends ChannelKind>(
  settings: SettingsOf<K> & { readonly kind: K },
  ports: ChannelPorts,
): Channel {
  return CHANNEL_KINDS[settings.kind](settings, ports);
}

/** Reads a secret reference of the configuration; rejects with a message that says what to do. */
type ResolveSecret = (reference: string) => Promise<string>;

/**
 * The desktop, whose notices `planner` plans, and the channels of a configuration. Rejects with an
 * Error that names the channel when a secret is missing or unusable; nothing is left open then.
 */
export async function openChannels(
  configured: Configuration['channels'] | null,
  planner: NoticePlanner,
  resolve: ResolveSecret,
  ports: ChannelPorts,
): Promise<readonly Channel[]> {
  const webhooks = await Promise.all(
    (configured?.webhook ?? []).map(async ({ name, url, secret, events }): Promise<WebhookSettings> => {
      return { kind: 'webhook', name, url: new URL(url), secret: secretOf(await resolve(secret)), events };
    }),
  );
  return [
    openChannel<'desktop'>({ kind: 'desktop', planner }, ports),
    ...webhooks.map((settings) => openChannel<'webhook'>(settings, ports)),
  ];
}
