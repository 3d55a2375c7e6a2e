import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSql } from '../../../proxy-core/gates/sql-words.ts';

const first = (text: string) => readSql(text)[0];
const anyUnbounded = (text: string) => readSql(text).some(({ unbounded }) => unbounded);

describe('SQL', () => {
  it.each([
    ['SELECT a, b FROM t x, s.u JOIN "V w" ON 1=1 WHERE a IN (SELECT id FROM z)', 'SELECT', ['t', 's.u', '"V w"', 'z']],
    ['insert into logs (a) values (1)', 'INSERT', ['logs']],
    ['UPDATE ONLY accounts SET a = 1 WHERE id = 2', 'UPDATE', ['accounts']],
    ['DROP TABLE IF EXISTS a, b', 'DROP', ['a', 'b']],
    ['TRUNCATE TABLE x', 'TRUNCATE', ['x']],
    ['WITH d AS (SELECT 1 FROM q) DELETE FROM t USING d WHERE t.id = d.id', 'DELETE', ['q', 't', 'd']],
    ['-- DELETE FROM a\nSELECT 1 FROM b', 'SELECT', ['b']],
    ['SELECT a IS DISTINCT FROM b FROM t', 'SELECT', ['t']],
  ])('%s: verb and tables', (text, verb, tables) => {
    expect(first(text)).toMatchObject({ verb, tables, unbounded: false });
  });

  it.each([
    'DELETE FROM t',
    'delete from t;',
    'UPDATE t SET a = 1',
    'UPDATE t AS x SET a = 1',
    'DELETE t',
    'DELETE FROM t -- WHERE id = 1',
    'DELETE FROM t /* WHERE id = 1 */',
    'DELETE FROM t # WHERE id = 1',
    "UPDATE t SET a = ' WHERE '",
    "UPDATE t SET a = '\\' WHERE id = 1 -- '",
    'UPDATE t SET a = (SELECT b FROM s WHERE s.id = 1)',
    'WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d WHERE d.id = 1',
    'SELECT 1; DELETE FROM t',
    'DO $$ BEGIN DELETE FROM t; END $$',
    '/*!50000 DELETE FROM t */',
    'EXPLAIN ANALYZE DELETE FROM t',
  ])('%s changes every row', (text) => {
    expect(anyUnbounded(text)).toBe(true);
  });

  it.each([
    'DELETE FROM t WHERE id = 1',
    'UPDATE t SET a = (SELECT b FROM s) WHERE id = 1',
    'WITH d AS (DELETE FROM t WHERE id = 1 RETURNING *) SELECT * FROM d',
    'INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1',
    'SELECT * FROM t FOR UPDATE',
    'CREATE TABLE a (b int REFERENCES c ON DELETE CASCADE)',
    "INSERT INTO t VALUES ('DELETE FROM t')",
    'GRANT UPDATE, DELETE ON t TO ann',
  ])('%s does not', (text) => {
    expect(anyUnbounded(text)).toBe(false);
  });

  it('is read without failing, whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => Array.isArray(readSql(text))));
  });
});
