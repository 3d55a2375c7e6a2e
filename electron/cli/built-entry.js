// What `dist/rungate.js` is built from: the program behind the guard, for whoever starts the built file by its path.
// Plain JavaScript that any Node with ES modules runs; the program is loaded only after the guard has looked.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runGuarded } from './node-at-hand.js';

const self = fileURLToPath(import.meta.url);

runGuarded(path.join(path.dirname(self), '..'), self, () => import('./main.ts'));
