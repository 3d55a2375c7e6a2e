import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';

/** What one model's calls used. Cost in nano-USD, tokens as counted by the provider. */
export interface ModelSpend {
  readonly model: string;
  readonly calls: number;
  readonly input: number;
  readonly output: number;
  readonly cost: number;
}

/** The run's calls by model, dearest first; calls without a model stand under their path. */
export function spendByModel(exchanges: readonly ExchangeRecord[]): readonly ModelSpend[] {
  const sums = new Map<string, ModelSpend>();
  for (const { model, path, usage, cost_nano } of exchanges) {
    const name = model ?? path;
    const before = sums.get(name) ?? { model: name, calls: 0, input: 0, output: 0, cost: 0 };
    sums.set(name, {
      model: name,
      calls: before.calls + 1,
      input: before.input + (usage?.input_tokens ?? 0),
      output: before.output + (usage?.output_tokens ?? 0),
      cost: before.cost + (cost_nano ?? 0),
    });
  }
  return [...sums.values()].sort((a, b) => b.cost - a.cost || b.calls - a.calls);
}
