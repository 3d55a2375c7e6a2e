import { useCallback, useEffect, useRef, useState } from 'react';
import type { Failure } from '../../proxy-core/contract/failures.ts';
import { call, type OperationInput, type OperationName, type OperationOutput } from '../store/console.ts';

/** A query's latest answer. While a newer one is under way the old value stays, so that nothing flickers. */
export interface Query<T> {
  readonly value: T | null;
  readonly failure: Failure | null;
  readonly loading: boolean;
  reload(): void;
}

/**
 * Ask a query operation and ask again when its input (compared as JSON) or `revision` changes. An answer that was
 * overtaken is dropped. `input: null` asks nothing.
 */
export function useQuery<N extends OperationName>(
  name: N,
  input: OperationInput<N> | null,
  revision: number | string = 0,
): Query<OperationOutput<N>> {
  const [answer, setAnswer] = useState<{ value: OperationOutput<N> | null; failure: Failure | null; for: string }>({
    value: null,
    failure: null,
    for: '',
  });
  const [again, setAgain] = useState(0);
  const latest = useRef(0);
  const key = input === null ? null : JSON.stringify(input);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for `input`
  useEffect(() => {
    if (input === null || key === null) return;
    latest.current += 1;
    const turn = latest.current;
    void call(name, input).then((reply) => {
      if (turn !== latest.current) return;
      if (reply.ok) setAnswer({ value: reply.value, failure: null, for: key });
      else
        setAnswer((before) => ({ value: before.for === key ? before.value : null, failure: reply.failure, for: key }));
    });
  }, [name, key, revision, again]);
  const reload = useCallback(() => setAgain((count) => count + 1), []);
  const current = key !== null && answer.for === key;
  return {
    value: current ? answer.value : null,
    failure: current ? answer.failure : null,
    loading: key !== null && !current,
    reload,
  };
}
