import { readFileSync } from 'node:fs';

/**
 * Fails when the lock file names an optional platform package without holding it: `npm ci` then breaks on every
 * machine. It happens when a release is locked before all its platform packages are published.
 */
interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lockFile = new URL('../package-lock.json', import.meta.url);
const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as {
  packages: Readonly<Record<string, LockedPackage>>;
};

/** Where npm looks for a dependency of the package at `path`, nearest first. */
function* places(path: string, dependency: string): Generator<string> {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    yield `${at}/node_modules/${dependency}`;
  }
  yield `node_modules/${dependency}`;
}

const missing = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
  Object.keys(optionalDependencies ?? {})
    .filter((name) => ![...places(path, name)].some((place) => packages[place]?.version !== undefined))
    .map((name) => `${path || 'the project'} → ${name}`),
);

if (missing.length > 0) {
  process.stderr.write(
    `package-lock.json lacks optional packages; pin a version whose packages are all there:\n${missing.join('\n')}\n`,
  );
  process.exitCode = 1;
}
