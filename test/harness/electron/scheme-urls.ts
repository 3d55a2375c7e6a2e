/**
 * Chromium without Electron knows no custom schemes. `app://console/x` is therefore loaded as
 * `https://console.app.electron.test/x`, which the test process answers from the app's own protocol handler, and every
 * address that goes back to the app is turned round again.
 */
const SUFFIX = 'electron.test';

/** What addresses the test process must answer itself. */
export const SCHEME_PATTERN = `https://*.${SUFFIX}/**`;

/** The address that Chromium loads for one in the app's scheme; others stay as they are. */
export function toWeb(url: string, schemes: readonly string[]): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url);
  const scheme = match?.[1]?.toLowerCase();
  if (scheme === undefined || !schemes.includes(scheme)) return url;
  const host = match?.[2] ?? '';
  return `https://${host === '' ? 'none' : host}.${scheme}.${SUFFIX}${match?.[3] ?? ''}`;
}

/** Undo `toWeb`. */
export function toApp(url: string): string {
  const match = /^https:\/\/([^/?#]+)\.([a-z0-9+-]+)\.electron\.test(.*)$/is.exec(url);
  if (match === null) return url;
  const [, host = '', scheme = '', rest = ''] = match;
  return `${scheme}://${host === 'none' ? '' : host}${rest}`;
}

/** Rewrite the app's schemes where they stand in a header (a content security policy names its sources). */
export function headerToWeb(text: string, schemes: readonly string[]): string {
  let result = text;
  for (const scheme of schemes) {
    result = result.replaceAll(new RegExp(`\\b${scheme}://([\\w.-]+)`, 'g'), `https://$1.${scheme}.${SUFFIX}`);
    result = result.replaceAll(
      new RegExp(`(^|[\\s;,])${scheme}:(?=$|[\\s;,])`, 'g'),
      `$1https://*.${scheme}.${SUFFIX}`,
    );
  }
  return result;
}

/** An origin as Electron gives it: also of the app's own scheme, which `URL` calls `null`. */
export function originOf(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)/i.exec(url);
  return match?.[1]?.toLowerCase() ?? 'null';
}
