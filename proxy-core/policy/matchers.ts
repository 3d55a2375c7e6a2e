import type { Reading } from './action.ts';
import { type ArgValue, isList, isObject } from './arguments.ts';
import type { CallSubject } from './calls.ts';
import type { Condition, TestCondition } from './conditions.ts';
import { ABSENT, type CallFactName, type FactRef, type RequestSubject, type Seen, seen, unknown } from './facts.ts';
import type { MatchEnv } from './operators.ts';
import { allOf, anyOf, negate, type Outcome } from './outcome.ts';

/** One reading of one action of a call, with the text of the arguments that goes with it. */
export interface CallScope {
  readonly subject: CallSubject;
  /** Null for a call that performs no action of its own. */
  readonly reading: Reading | null;
  readonly argsText: Seen;
}

/** What a condition is evaluated on. */
export interface Scope {
  readonly request: RequestSubject;
  /** Null at the request stage. */
  readonly call: CallScope | null;
  readonly env: MatchEnv;
}

/** Evaluate a condition; stops as soon as the outcome is certain. */
export function matchCondition(condition: Condition, scope: Scope): Outcome {
  switch (condition.kind) {
    case 'test':
      return matchTest(condition, scope);
    case 'not':
      return negate(matchCondition(condition.part, scope));
    case 'all':
      return allOf(condition.parts, (part) => matchCondition(part, scope));
    case 'any':
      return anyOf(condition.parts, (part) => matchCondition(part, scope));
  }
}

/** Evaluate one test. What is unknown is ambiguous whatever the operator. */
export function matchTest(condition: TestCondition, scope: Scope): Outcome {
  const found = findFact(condition.fact, scope);
  switch (found.kind) {
    case 'value':
      return condition.test.run(found.value, scope.env);
    case 'absent':
      return condition.test.absent;
    case 'unknown':
      return 'ambiguous';
  }
}

/** What a fact is in this scope. */
export function findFact(fact: FactRef, scope: Scope): Seen {
  switch (fact.kind) {
    case 'request':
      return fact.read(scope.request);
    case 'label': {
      const label = Object.hasOwn(scope.request.labels, fact.label) ? scope.request.labels[fact.label] : undefined;
      return label === undefined ? ABSENT : seen(label);
    }
    case 'call':
      return scope.call === null ? ABSENT : findCallFact(fact.name, scope.call);
    case 'argument':
      return scope.call === null ? ABSENT : findArgument(fact.segments, scope.call.subject);
  }
}

function findCallFact(name: CallFactName, call: CallScope): Seen {
  switch (name) {
    case 'tool':
      return call.subject.tool;
    case 'server':
      return call.subject.server;
    case 'args':
      return call.argsText;
    case 'args_bytes':
      return call.subject.argsBytes();
    case 'action.kind':
      return call.reading?.kind ?? ABSENT;
    case 'action.command':
      return call.reading?.command ?? ABSENT;
    case 'action.path':
      return call.reading?.path ?? ABSENT;
    case 'action.url':
      return call.reading?.url ?? ABSENT;
    case 'action.touches':
      return call.subject.touches();
  }
}

function findArgument(segments: readonly string[], subject: CallSubject): Seen {
  const parsed = subject.value();
  if (parsed.kind === 'unclear') return unknown(parsed.why);
  let value: ArgValue = parsed.value;
  for (const segment of segments) {
    const step = stepInto(value, segment);
    if (step.kind !== 'value') return step;
    value = step.value;
  }
  return seen(value);
}

/** One step of a path. Where a tool might look deeper than the path does (a list, JSON inside a string), it is unknown. */
function stepInto(value: ArgValue, segment: string): Seen {
  if (isObject(value)) {
    const inner = value.get(segment);
    return inner === undefined ? ABSENT : seen(inner);
  }
  if (isList(value)) {
    if (!/^\d{1,9}$/.test(segment))
      return value.length === 0 ? ABSENT : unknown('the path meets a list without an index');
    const inner = value[Number(segment)];
    return inner === undefined ? ABSENT : seen(inner);
  }
  if (typeof value === 'string' && /^\s*[[{]/.test(value)) return unknown('the path meets JSON inside a text');
  return ABSENT;
}
