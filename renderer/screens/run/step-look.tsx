import { Ban, Bell, Bot, FileBox, Hourglass, type LucideIcon, RotateCw, Sparkles, Wrench } from 'lucide-react';
import type { TraceKind, TraceNode } from './trace.ts';

/** How each kind of step is drawn: an icon and a word, always both where there is room. */
export const KIND_LOOKS: Readonly<Record<TraceNode['kind'], { readonly icon: LucideIcon; readonly label: string }>> = {
  model: { icon: Sparkles, label: 'Model call' },
  tool: { icon: Wrench, label: 'Tool call' },
  gate: { icon: Hourglass, label: 'Gate' },
  alert: { icon: Bell, label: 'Alert' },
  refusal: { icon: Ban, label: 'Refusal' },
  retry: { icon: RotateCw, label: 'Retry' },
  artifact: { icon: FileBox, label: 'Artifact' },
  subagent: { icon: Bot, label: 'Subagent' },
  retries: { icon: RotateCw, label: 'Retries' },
};

/** What the filter calls each kind. */
export const KIND_PLURALS: Readonly<Record<TraceKind, string>> = {
  model: 'Models',
  tool: 'Tools',
  gate: 'Gates',
  alert: 'Alerts',
  refusal: 'Refusals',
  retry: 'Retries',
  artifact: 'Artifacts',
};
