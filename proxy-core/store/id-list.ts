/**
 * Lists of row ids as bytes: each id as its difference from the one before, zigzag (2d or -2d-1), in groups of seven
 * bits, low group first, the high bit meaning "more". New rows have neighbouring ids, so most take one byte.
 */
export function packIds(ids: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  let before = 0;
  for (const id of ids) {
    const step = id - before;
    let rest = step >= 0 ? step * 2 : -step * 2 - 1;
    while (rest >= 128) {
      bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
    before = id;
  }
  return Uint8Array.from(bytes);
}

/** The ids that `packIds` was given. Throws RangeError on bytes that end within a number. */
export function unpackIds(bytes: Uint8Array): readonly number[] {
  const ids: number[] = [];
  let before = 0;
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte % 128) * scale;
    scale *= 128;
    if (byte >= 128) continue;
    before += value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    ids.push(before);
    value = 0;
    scale = 1;
  }
  if (scale !== 1) throw new RangeError('a list of ids ends within a number');
  return ids;
}
