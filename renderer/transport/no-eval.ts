import { config } from 'zod';

/**
 * Imported before anything else: as soon as a schema is made, zod tries whether it may compile code from text. The content
 * security policy forbids that, and each try would stand in the browser's console as an error.
 */
config({ jitless: true });
