import type Database from 'better-sqlite3';

/**
 * The only way to SQL. A function that takes `Readable` cannot write; one that takes `Writable` can only be given
 * the worker's connection. Statements are prepared once per connection and kept.
 *
 * Conditions are written `column = +?`. The plus changes no value, but it hides the parameter from SQLite's planner,
 * which otherwise notes that the value may matter to the plan and then prepares the statement anew at every use,
 * because better-sqlite3 clears the bindings each time (measured: 10 µs instead of 1 for a join).
 */
export type SqlValue = string | number | null | Uint8Array;

declare const access: unique symbol;

export interface Readable {
  readonly [access]: 'read' | 'write';
  /** The first row, or undefined. The row type is the caller's claim; STRICT tables keep its column types true. */
  one<Row>(sql: string, ...values: SqlValue[]): Row | undefined;
  all<Row>(sql: string, ...values: SqlValue[]): Row[];
}

export interface Writable extends Readable {
  readonly [access]: 'write';
  /** Run a change; returns how many rows it touched. */
  run(sql: string, ...values: SqlValue[]): number;
  /** Run an insert; returns the row's id. */
  insert(sql: string, ...values: SqlValue[]): number;
  /** Run a change that ends in RETURNING; its first row, or undefined if it touched none. */
  change<Row>(sql: string, ...values: SqlValue[]): Row | undefined;
}

/** A reading handle over a connection. */
export function readable(connection: Database.Database): Readable {
  return handleOver(connection);
}

/** The writing handle; only for the connection that the worker owns. */
export function writable(connection: Database.Database): Writable {
  return handleOver(connection);
}

function handleOver(connection: Database.Database): Writable {
  const statements = new Map<string, Database.Statement<SqlValue[]>>();
  const prepared = (sql: string): Database.Statement<SqlValue[]> => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = connection.prepare<SqlValue[]>(sql);
    statements.set(sql, statement);
    return statement;
  };
  const handle: Omit<Writable, typeof access> = {
    one: <Row>(sql: string, ...values: SqlValue[]) => prepared(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: SqlValue[]) => prepared(sql).all(...values) as Row[],
    run: (sql, ...values) => prepared(sql).run(...exact(values)).changes,
    insert: (sql, ...values) => Number(prepared(sql).run(...exact(values)).lastInsertRowid),
    change: <Row>(sql: string, ...values: SqlValue[]) => prepared(sql).get(...exact(values)) as Row | undefined,
  };
  return handle as Writable;
}

/** Integers beyond 2^53 would be stored rounded: a bug upstream, so nothing is written. */
function exact(values: SqlValue[]): SqlValue[] {
  for (const value of values)
    if (typeof value === 'number' && !Number.isSafeInteger(value))
      throw new RangeError(`not an exact integer: ${value}`);
  return values;
}
