// Nodes, npms and pnpm of chosen versions, as packages that npm fetches once and keeps in its cache.
// Plain JavaScript: it runs on whatever Node the machine has, before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/** What npm itself is told by this machine: its cache and registry hold for every other npm that is tried. */
export const npmSettings = () => {
  const get = (key) => spawnSync('npm', ['config', 'get', key], { encoding: 'utf8' }).stdout.trim();
  const keys = ['cache', 'userconfig', 'globalconfig', 'registry', 'cafile'];
  const set = keys
    .map((key) => [`npm_config_${key}`, get(key)])
    .filter(([, value]) => value !== '' && value !== 'null');
  // What npm and pnpm read for themselves, where the machine sits behind a proxy or an authority of its own.
  const network = [
    'NODE_EXTRA_CA_CERTS',
    'HTTPS_PROXY',
    'HTTP_PROXY',
    'NO_PROXY',
    'https_proxy',
    'http_proxy',
    'no_proxy',
  ];
  const own = network.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return Object.fromEntries([...set, ...own]);
};

/** The folder of an installed package, or null when it cannot be fetched. */
export function fetchTool(folder, name, version) {
  const prefix = path.join(folder, `${name}-${version}`);
  mkdirSync(prefix, { recursive: true });
  const flags = ['--no-save', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  spawnSync('npm', ['install', '--prefix', prefix, ...flags, `${name}@${version}`], { stdio: 'ignore' });
  const found = path.join(prefix, 'node_modules', name);
  return existsSync(found) ? found : null;
}

/** The folder with `node` of a Node of this version, or null. */
export function fetchNode(folder, version) {
  const found = fetchTool(folder, `node-${process.platform}-${process.arch}`, version);
  return found === null ? null : path.join(found, 'bin');
}

/** The folder with a command of a package (npm, pnpm) of this version, or null. */
export function fetchCommand(folder, name, version) {
  return fetchTool(folder, name, version) === null
    ? null
    : path.join(folder, `${name}-${version}`, 'node_modules', '.bin');
}
