import type { ReactNode } from 'react';
import { showCount } from '../../format/amount.ts';
import { showInstant } from '../../format/time.ts';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { Facts } from '../../parts/field.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useQuery } from '../../parts/use-query.ts';
import { useConsole } from '../../store/console.ts';

/** Where traces go live, and how the last export went. The endpoint is set in the configuration file. */
export function TelemetrySection(): ReactNode {
  const revision = useConsole((state) => state.revision.telemetry);
  const { value, failure, reload } = useQuery('telemetry.status', {}, revision);
  const now = useNow();
  if (failure !== null)
    return <FailureNote message={failure.message} onRetry={reload} testId="settings.telemetry-failed" />;
  if (value === null) return <Loading what="the exporter’s state" />;
  if (value.endpoint === null) {
    return (
      <p className="text-muted">
        Off. To send traces to a collector set{' '}
        <code className="font-mono">otlp: {'{ endpoint: "http://127.0.0.1:4318" }'}</code> in the configuration file.
      </p>
    );
  }
  return (
    <Facts
      facts={[
        ['Collector', value.endpoint],
        ['Protocol', value.protocol ?? '–'],
        ['Prompts and answers', value.content ? 'sent' : 'not sent'],
        ['Spans sent', showCount(value.exported)],
        ['Waiting', showCount(value.queued)],
        ['Dropped', showCount(value.dropped)],
        ['Last export', value.last_export_at === null ? 'none yet' : showInstant(value.last_export_at, now)],
        ['Last problem', value.last_error ?? 'none'],
      ]}
    />
  );
}
