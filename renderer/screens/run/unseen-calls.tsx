import { EyeOff } from 'lucide-react';
import type { ReactNode } from 'react';
import { useQuery } from '../../parts/use-query.ts';
import type { ShownRun } from './use-run.ts';

const WHY =
  'This agent declares no tools and acts on the words of the model. Rungate reports such calls; no rule can hold or block them.';

/** Said beside the agent's name: rules promise less for it than for others. Nothing for an agent whose calls are seen. */
export function UnseenCalls({ shown: { run, steps } }: { readonly shown: ShownRun }): ReactNode {
  const told = steps.filter(({ kind, detail }) => kind === 'alert' && detail['alert'] === 'calls_in_text').length;
  const { value } = useQuery('agents.list', {}, told);
  const agent = value?.agents.find(({ agent_id }) => agent_id === run.agent_id);
  if (told === 0 && agent?.text_calls_at == null) return null;
  return (
    <span
      data-testid="run.unseen-calls"
      title={WHY}
      className="chip inline-flex h-5 items-center gap-1 whitespace-nowrap rounded border border-control px-1.5 text-small text-text"
    >
      <EyeOff size={12} strokeWidth={1.75} aria-hidden="true" />
      Its tool calls cannot be seen on the wire
    </span>
  );
}
