/**
 * The content security policy under which the console runs, in the desktop window and in a browser alike: its own files
 * only, nothing inline, no frames either way, and no text that becomes markup (trusted types; a policy that could make
 * such text cannot be created).
 */
export const CONSOLE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
