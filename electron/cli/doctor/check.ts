/** One line of the doctor's report. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do, unless all is well. */
  readonly fix: string | null;
}

/** All is well. */
export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail, fix: null });
/** It works, but a person should know. */
export const warn = (name: string, detail: string, fix: string): Check => ({ name, status: 'warn', detail, fix });
/** It does not work. */
export const fail = (name: string, detail: string, fix: string): Check => ({ name, status: 'fail', detail, fix });
