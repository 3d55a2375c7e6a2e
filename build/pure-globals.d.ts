/**
 * The only host globals that pure folders may name. They are total functions over bytes and text, the
 * same in every JavaScript engine; a clock, a socket or the DOM stays a compile error there.
 */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
