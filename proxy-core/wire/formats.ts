import type { WireFormat } from '../contract/records.ts';
import { chat } from './chat.ts';
import { completions } from './completions.ts';
import { embeddings } from './embeddings.ts';
import type { Format } from './format.ts';
import { messages } from './messages.ts';
import { responses } from './responses.ts';

/** Every wire format that Rungate reads. A new one is a file of its own and a line here. */
export const FORMATS: Readonly<Record<WireFormat, Format>> = { chat, responses, messages, embeddings, completions };
