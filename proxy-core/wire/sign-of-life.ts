/**
 * A frame that says nothing but that the provider is alive: comments, or the Messages format's ping. It may pass while
 * what stands before it is held. Threat: lenient readers end lines at more marks than the standard, so a comment
 * counts only if it is printable ASCII; anything else could hide a line of data.
 */
export const isSignOfLife = (frame: Uint8Array): boolean => frame.length <= LONGEST && SIGN.test(latin1.decode(frame));

const latin1 = new TextDecoder('latin1');
const LONGEST = 1_024;
const SIGN = /^(?:(?::[\x20-\x7e]*\r?\n)+(?:\r?\n)?|event: ?ping\r?\ndata: ?\{\s*"type"\s*:\s*"ping"\s*\}\r?\n\r?\n)$/;
