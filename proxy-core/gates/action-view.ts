import type { ActionView } from '../contract/gate-card.ts';
import type { ProposedAction } from '../contract/records.ts';
import { type FilePorts, readFileChanges } from './file-view.ts';
import { readHttp } from './http-view.ts';
import { readShellArgs } from './shell-args.ts';
import { assignedNames, shellSegments } from './shell-view.ts';
import { readSql } from './sql-words.ts';
import { asArgs, asTexts, textUnder } from './view-args.ts';

/**
 * How a proposed call is best shown. Texts are passed on complete and as they are: whoever draws them escapes them.
 * What fits no other view is shown as its JSON, so that nothing is ever left out.
 */

/** What is known of a call besides its arguments. */
export interface ViewContext extends FilePorts {
  /** What the tool does, by its name (the policy's word): `shell`, `write`, `sql`, `http` or `other`. */
  readonly kind: string;
  /** The arguments as the model wrote them. */
  readonly raw: string;
  readonly matchedPaths: readonly string[];
  /** The agent's working directory, where the call names none. */
  readonly cwd: string | null;
}

/** The view of one proposed call. */
export function viewAction(action: ProposedAction, context: ViewContext): ActionView {
  const { tool, call_id, rule, args } = action;
  const common = { tool, call_id, rule, matched_paths: [...context.matchedPaths], raw: context.raw };
  return specialView(action, context, common) ?? { view: 'json', ...common, args };
}

type Common = Pick<ActionView, 'tool' | 'call_id' | 'rule' | 'matched_paths' | 'raw'>;

function specialView({ tool, args }: ProposedAction, context: ViewContext, common: Common): ActionView | null {
  switch (context.kind) {
    case 'shell':
      return shellView(args, context, common);
    case 'write': {
      const changes = readFileChanges(args, context);
      return changes === null ? null : { view: 'diff', ...common, changes: [...changes] };
    }
    case 'sql':
      return sqlView(args, common);
    case 'http': {
      const call = readHttp(tool, args);
      return call === null ? null : { view: 'http', ...common, ...call };
    }
    default:
      return null;
  }
}

function shellView(args: unknown, { cwd: usual }: ViewContext, common: Common): ActionView | null {
  const given = readShellArgs(args);
  if (given === null) return null;
  const segments = shellSegments(given.command);
  return {
    view: 'shell',
    ...common,
    command: given.command,
    segments: [...segments],
    cwd: given.cwd ?? usual,
    env: [...new Set([...given.env, ...assignedNames(segments)])],
  };
}

const SQL_KEYS = ['query', 'sql', 'statement', 'statements', 'q', 'command'];

function sqlView(args: unknown, common: Common): ActionView | null {
  const statement = statementOf(args);
  if (statement === null) return null;
  const statements = readSql(statement);
  const verbs = [...new Set(statements.flatMap(({ verb }) => verb ?? []))];
  return {
    view: 'sql',
    ...common,
    statement,
    verb: verbs.length === 0 ? null : verbs.join(', '),
    tables: [...new Set(statements.flatMap(({ tables }) => tables))],
    unbounded: statements.some(({ unbounded }) => unbounded),
  };
}

function statementOf(args: unknown): string | null {
  if (typeof args === 'string') return args;
  const given = asArgs(args);
  if (given === null) return null;
  const listed = SQL_KEYS.map((key) => asTexts(given[key])).find((texts) => texts !== null);
  return textUnder(given, SQL_KEYS) ?? listed?.join(';\n') ?? null;
}
