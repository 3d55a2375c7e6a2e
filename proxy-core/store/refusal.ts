/** Why a store could not be opened. */
export type RefusalCode =
  /** Another process has it open for writing. */
  | 'store_locked'
  /** Written by a newer program. */
  | 'schema_newer'
  /** Damaged, or not a SQLite file at all. */
  | 'store_corrupt'
  /** A healthy SQLite file, but not ours. */
  | 'not_a_store'
  /** The home folder cannot be created, read or written. */
  | 'home_unusable';

/** The store was not opened and nothing in it was changed. The message says what to do. */
export class StoreRefused extends Error {
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = 'StoreRefused';
    this.code = code;
  }
}
