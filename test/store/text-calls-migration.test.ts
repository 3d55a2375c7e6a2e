import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeEarlierStore } from './earlier-store.ts';
import { NOON, type TemporaryHome, temporaryHome } from './fixture-store.ts';

/** From the schema before marks on agents to the one with them. */

let home: TemporaryHome;
beforeEach(() => {
  home = temporaryHome();
});
afterEach(() => home.remove());

it('marks no agent that was there before, and keeps the mark of one that gets it', async () => {
  writeEarlierStore(home.path, 30);
  const store = await home.open();
  const marks = () => store.read.agents().map(({ agent_id, text_calls_at }) => [agent_id, text_calls_at]);
  const before = marks();
  expect(before.length).toBeGreaterThan(0);
  expect(before.every(([, mark]) => mark === null)).toBe(true);
  const agentId = String(before[0]?.[0]);
  await store.write('noteTextCalls', { at: NOON, agentId }).committed;
  expect(Object.fromEntries(marks())[agentId]).toBe(NOON);
  expect(marks().filter(([, mark]) => mark !== null)).toHaveLength(1);
});
