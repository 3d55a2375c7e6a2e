import { execFileSync } from 'node:child_process';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';

/** What the numbers were measured on. */
export function describeMachine(): Readonly<Record<string, string | number>> {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    folder: tmpdir(),
    file_system: fileSystemOf(tmpdir()),
    load_before: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

function fileSystemOf(folder: string): string {
  try {
    const lines = execFileSync('df', ['--output=fstype', folder], { encoding: 'utf8' }).trim().split('\n');
    return lines.at(-1) ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
