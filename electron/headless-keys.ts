import type { CredentialPorts } from '../proxy-core/providers/credentials.ts';

/** Where a headless core finds keys: the environment it was started in, and files. There is no keychain. */
export const headlessKeys = (env: NodeJS.ProcessEnv): CredentialPorts => ({
  env,
  keychain: null,
  passphrase: async () => env['RUNGATE_PASSPHRASE'] ?? null,
});
