import { rmSync } from 'node:fs';

/** Remove the last build, so that nothing of a renamed file stays behind. */
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
