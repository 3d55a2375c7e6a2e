#!/usr/bin/env node
// The `rungate` command. This file must parse and run on any Node that knows ES modules, because its first
// duty is to say (or cure) that the Node at hand is too old; hence plain JavaScript of 2019 and no dependency.
// It is outside the TypeScript program, so to rules that need types everything here is unknown.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runGuarded } from './node-at-hand.js';

const self = fileURLToPath(import.meta.url);
const root = path.join(path.dirname(self), '..', '..');

runGuarded(root, self, () => {
  const built = path.join(root, 'dist', 'rungate.js');
  const entry = existsSync(built) ? built : path.join(path.dirname(self), 'main.ts');
  return import(pathToFileURL(entry).href);
});
