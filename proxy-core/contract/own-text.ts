/**
 * The first `limit` characters of a text, as a text of their own.
 *
 * Threat: in V8 a part of a text holds on to the whole of it. A name or a prompt that is kept out of an answer of many
 * megabytes would keep the answer in memory too, and how many of those come is for agents and providers to choose.
 */
export const ownText = (text: string, limit: number): string => text.slice(0, limit).split('').join('');
