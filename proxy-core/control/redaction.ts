import { setImmediate } from 'node:timers/promises';
import { failure } from '../contract/failures.ts';
import { BUILT_IN, createRedactor, type Redactor } from '../redaction/redactor.ts';
import { type Handlers, Refusal } from './call.ts';

type RedactionHandlers = Pick<Handlers, 'redaction.preview'>;

/** What the redactor makes of a text: the built-in patterns, the configured ones, and those given to be tried. */
export function redactionHandlers(configured: readonly string[]): RedactionHandlers {
  return {
    'redaction.preview': async ({ text, patterns }) => {
      // All are read before any is used: a bad one is told at once, whatever the text.
      const redactors = [BUILT_IN, ...[...configured, ...patterns].map(redactorOf)];
      let shown = { value: text, masked: 0 };
      for (const redactor of redactors) {
        // A turn for each: a hundred patterns over a long text must not keep calls waiting.
        await setImmediate();
        const { value, masked } = redactor.text(shown.value);
        shown = { value, masked: shown.masked + masked };
      }
      return { text: shown.value, masked: shown.masked };
    },
  };
}

function redactorOf(pattern: string): Redactor {
  const created = createRedactor([pattern]);
  if (created.kind === 'redactor') return created.redactor;
  throw new Refusal(
    failure('invalid_request', `The pattern \`${pattern}\` cannot be used: ${created.message}.`, {
      field: 'patterns',
      recover: 'Use RE2 syntax: no lookaround, no backreferences, and it must not match the empty text.',
    }),
  );
}
