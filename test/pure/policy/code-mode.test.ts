import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderValue } from '../../../proxy-core/policy/arguments.ts';
import { readScript } from '../../../proxy-core/policy/code-mode.ts';

const callsOf = (source: string): readonly string[] =>
  readScript(source).calls.map((call) => `${call.tool} ${call.args === null ? '?' : renderValue(call.args.value)}`);

describe('calls that a script spells out', () => {
  it.each([
    ['tools.exec_command({cmd: "ls -la"})', ['exec_command {"cmd":"ls -la"}']],
    [
      "await tools.exec_command({'cmd': 'it\\'s', tty: false, n: -1.5, x: null,})",
      ['exec_command {"cmd":"it\'s","n":-1.5,"tty":false,"x":null}'],
    ],
    ['tools.exec_command({cmd: `a\nb`})', ['exec_command {"cmd":"a\\nb"}']],
    ['tools.exec_command({cmd: "a\\x41\\u0042\\u{43}\\n"})', ['exec_command {"cmd":"aABC\\n"}']],
    ['tools.apply_patch("*** Begin Patch\\n")', ['apply_patch "*** Begin Patch\\n"']],
    ['tools.x({a: ["b", {c: 1}]})', ['x {"a":["b",{"c":1}]}']],
    ['tools.x({a: ["b", "c"].join("\\n")})', ['x {"a":"b\\nc"}']],
    ['tools.x({a: "b" + "c"})', ['x {"a":"bc"}']],
    ['tools.x()', ['x {}']],
    ['tools?.x({a: 1})', ['x {"a":1}']],
    ['tools.x({a: 9007199254740993})', ['x {"a":9007199254740993}']],
    ['// tools.x()\n/* tools.y() */ text("tools.z()"); tools.w({})', ['w {}']],
    ['const m = out.match(/tools[.]x\\(/g); tools.w({a: m ? 1 : 2})', ['w ?']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the script's own template.
    ['text(`${(await tools.x({a: 1})).output}`)', ['x {"a":1}']],
    ['await Promise.all([tools.a({}), tools.b({})])', ['a {}', 'b {}']],
    ['tools.a({cmd: tools.b({})})', ['a ?', 'b {}']],
    ['const r = 4 / 2; tools.x({a: 1}); const s = r / 2', ['x {"a":1}']],
  ])('%s', (source, expected) => {
    expect(callsOf(source)).toEqual(expected);
    expect(readScript(source).uncertain).toBeNull();
  });

  it.each([
    ['a variable', 'tools.x({cmd})'],
    ['a computed value', 'tools.x({cmd: a + "b"})'],
    ['a joined variable', 'tools.x({cmd: "b" + a})'],
    ['a method of a literal', 'tools.x({cmd: "b".repeat(2)})'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the script's own template.
    ['a substitution', 'tools.x({cmd: `ls ${dir}`})'],
    ['a tagged template', 'tools.x({cmd: String.raw`ls`})'],
    ['a spread', 'tools.x({...args})'],
    ['a computed key', 'tools.x({["cmd"]: "ls"})'],
    ['a getter', 'tools.x({get cmd() { return 1 }})'],
    ['a key twice', 'tools.x({cmd: "ls", cmd: "rm"})'],
    ['a conditional', 'tools.x({cmd: a ? "ls" : "rm"})'],
    ['a second argument', 'tools.x({cmd: "ls"}, more)'],
    ['a legacy number', 'tools.x({mode: 0755})'],
    ['a big integer', 'tools.x({n: 5n})'],
    ['a comma expression', 'tools.x((0, {cmd: "ls"}))'],
  ])('knows the tool but not the arguments of %s', (_, source) => {
    expect(callsOf(source)).toEqual(['x ?']);
    expect(readScript(source).uncertain).toBeNull();
  });
});

describe('scripts that could reach a tool unseen', () => {
  it.each([
    'const t = tools; t.x({})',
    'tools["x"]({})',
    'tools[name]({})',
    'const {x} = tools; x({})',
    'const f = tools.x; f({})',
    'tools.x.call(null, {})',
    'tools.x`ls`',
    'run(tools)',
    'globalThis["to" + "ols"].x({})',
    'eval("tools.x({})")',
    'new Function("tools.x({})")()',
    '[].constructor.constructor("tools.x()")()',
    '[]["constructor"]("x")',
    '[]["con" + "structor"]',
    'list[0]("x")',
    'Reflect.get(a, b)',
    'this.x',
    'import("x")',
    '\\u0074ools.x({})',
    'x <!-- tools.y()\n',
    'if (a) /"/.test(b); tools.x({}) //"',
    'tools.x({a: "unterminated})',
    'tools.x({a: `unterminated})',
    '/* unterminated',
    'a = /[[/]]/; tools.x({})',
    'Array.prototype.join = f; tools.x({a: ["b"].join("")})',
    `tools.x({a: ${'['.repeat(200)}1${']'.repeat(200)}}); eval("1")`,
  ])('are uncertain: %s', (source) => {
    expect(readScript(source).uncertain).not.toBeNull();
  });

  it('include those too long to read', () => {
    expect(readScript(`/*${'x'.repeat(300_000)}*/`).uncertain).toBe('the script is too long to read');
  });

  it('never throw, and any string literal is read as JavaScript reads it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        readScript(text);
        const source = `tools.x({a: ${JSON.stringify(text)}})`;
        expect(callsOf(source)).toEqual([`x ${renderValue(new Map([['a', text]]))}`]);
      }),
      { numRuns: 500 },
    );
  });
});
