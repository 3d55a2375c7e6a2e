/** The columns of the runs' grid, in order. Widths in px; `grow` shares what is left. */
export interface Column {
  readonly id: ColumnId;
  readonly label: string;
  readonly width: number;
  readonly grow: number;
  readonly align: 'start' | 'end';
}

export type ColumnId =
  | 'state'
  | 'agent'
  | 'run'
  | 'started'
  | 'duration'
  | 'steps'
  | 'gates'
  | 'tokens'
  | 'cost'
  | 'models'
  | 'policy'
  | 'activity'
  | 'menu';

const column = (id: ColumnId, label: string, width: number, grow = 0, align: Column['align'] = 'start'): Column => ({
  id,
  label,
  width,
  grow,
  align,
});

const COLUMNS: readonly Column[] = [
  column('state', 'State', 116),
  column('agent', 'Agent', 120, 1),
  column('run', 'Run', 168, 3),
  column('started', 'Started', 100),
  column('duration', 'Duration', 92, 0, 'end'),
  column('steps', 'Steps', 58, 0, 'end'),
  column('gates', 'Gates', 56, 0, 'end'),
  column('tokens', 'Tokens', 68, 0, 'end'),
  column('cost', 'Cost / cap', 124),
  column('models', 'Models', 140, 2),
  column('policy', 'Policy', 130, 1),
  column('activity', 'Last activity', 100),
  column('menu', '', 44),
];

/** What goes first where the room is small; the rest always stays. */
const DROPPED_FIRST: readonly ColumnId[] = [
  'policy',
  'started',
  'models',
  'tokens',
  'steps',
  'duration',
  'gates',
  'activity',
  'agent',
];

/** The columns that fit in so many px: the least telling ones go first. */
export function columnsFor(width: number): readonly Column[] {
  let columns = COLUMNS;
  for (const id of DROPPED_FIRST) {
    if (columns.reduce((sum, each) => sum + each.width, 0) <= width) return columns;
    columns = columns.filter((each) => each.id !== id);
  }
  const rest = columns.reduce((sum, each) => sum + (each.id === 'run' ? 0 : each.width), 0);
  return columns.map((each) =>
    each.id === 'run' ? { ...each, width: clamp(width - rest, NARROWEST_RUN, each.width) } : each,
  );
}

/** Below this a run's name says nothing, px. */
const NARROWEST_RUN = 100;

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** The columns as a value of `grid-template-columns`. */
export const renderTemplate = (columns: readonly Column[]): string =>
  columns.map(({ width, grow }) => (grow === 0 ? `${width}px` : `minmax(${width}px, ${grow}fr)`)).join(' ');
