import { expect, type Locator, type Page } from '@playwright/test';
import type { GateRecord, GateState } from '../../proxy-core/contract/records.ts';
import type { ConsoleTarget } from '../harness/console-target.ts';

/** The inbox as a person uses it. */
export interface InboxPage {
  readonly card: Locator;
  readonly rows: Locator;
  readonly state: Locator;
  row(gateId: string): Locator;
  /** Waits until this gate's card is on the screen and takes keys. */
  shows(gateId: string): Promise<void>;
  control(name: string): Locator;
}

/** Single keys are ignored this long after another gate is shown; keys of a spec are meant, so it waits for them to count. */
const GUARD_MS = 500;

export function inboxOf(page: Page): InboxPage {
  const control = (name: string): Locator => page.getByTestId(`inbox.${name}`);
  return {
    card: control('gate'),
    rows: control('row'),
    state: control('state'),
    control,
    row: (gateId) => page.locator(`[data-gate="${gateId}"]`),
    async shows(gateId) {
      await expect(page.locator(`[data-gate-id="${gateId}"]`)).toBeVisible();
      await page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms + 50)), GUARD_MS);
    },
  };
}

/** What the core says of a gate, until it says `state`. */
export async function expectGate(target: ConsoleTarget, gateId: string, state: GateState): Promise<GateRecord> {
  await expect.poll(async () => (await target.call('gates.show', { gate_id: gateId })).gate.state).toBe(state);
  return (await target.call('gates.show', { gate_id: gateId })).gate;
}

/** The text of an element with every shown character turned back into what it stands for. */
export async function unescaped(element: Locator): Promise<string> {
  const text = (await element.textContent()) ?? '';
  return text.replace(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}
