import { type ReactNode, useDeferredValue, useId, useState } from 'react';
import { useQuery } from '../../parts/use-query.ts';
import { VisibleText } from '../../parts/visible-text.tsx';

/** Try what exports, telemetry and notifications would show of a text. */
export function RedactionSection(): ReactNode {
  const [text, setText] = useState('export OPENAI_API_KEY=sk-test-1234567890abcdef');
  const [patterns, setPatterns] = useState('');
  const given = useDeferredValue(text);
  const lines = useDeferredValue(patterns)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const { value, failure } = useQuery('redaction.preview', { text: given.slice(0, 65_536), patterns: lines });
  const textId = useId();
  const patternsId = useId();
  return (
    <>
      <p className="mb-2 text-muted">
        Keys, tokens, private keys and card numbers are masked in exports, telemetry, notifications and logs. Further
        patterns are set as <code className="font-mono">redaction.patterns</code> in the configuration file; try them
        here first.
      </p>
      <label htmlFor={textId}>Text</label>
      <textarea
        id={textId}
        value={text}
        onChange={(event) => setText(event.target.value)}
        rows={3}
        spellCheck={false}
        data-testid="settings.redaction-text"
        className="mb-2 w-full rounded border border-control bg-bg p-2 font-mono text-mono"
      />
      <label htmlFor={patternsId}>Further patterns, one a line (RE2 syntax)</label>
      <textarea
        id={patternsId}
        value={patterns}
        onChange={(event) => setPatterns(event.target.value)}
        rows={2}
        spellCheck={false}
        data-testid="settings.redaction-patterns"
        className="mb-2 w-full rounded border border-control bg-bg p-2 font-mono text-mono"
      />
      <p role="status" className="text-muted">
        {failure === null ? `Masked: ${value?.masked ?? '…'}` : failure.message}
      </p>
      <pre
        data-testid="settings.redaction-result"
        className="untrusted mt-1 rounded border border-line bg-bg p-2 font-mono text-mono"
      >
        <VisibleText text={value?.text ?? ''} />
      </pre>
    </>
  );
}
