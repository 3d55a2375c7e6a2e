import manifest from '../package.json' with { type: 'json' };

/** The product's version, from the package's own manifest. */
export const VERSION: string = manifest.version;
