import { existsSync, readFileSync } from 'node:fs';
import type { NativeImage } from 'electron';
import { failOnGaps } from './not-implemented.ts';

/** An image by its PNG bytes; drawing is the system's, so only size and bytes are kept. */
export function createImage(png: Buffer) {
  const methods = {
    isEmpty: () => png.length === 0,
    getSize: () => sizeOf(png),
    getAspectRatio: () => sizeOf(png).width / Math.max(1, sizeOf(png).height),
    toPNG: () => png,
    toDataURL: () => `data:image/png;base64,${png.toString('base64')}`,
    resize: () => image,
    crop: () => image,
    setTemplateImage: () => undefined,
    isTemplateImage: () => false,
    addRepresentation: () => undefined,
  } satisfies { [N in keyof NativeImage]?: unknown };
  const image: object = failOnGaps('nativeImage', methods);
  return image;
}

/** Electron's `nativeImage`. */
export const nativeImage = failOnGaps('nativeImage', {
  createEmpty: () => createImage(Buffer.alloc(0)),
  createFromPath: (path: string) => createImage(existsSync(path) ? readFileSync(path) : Buffer.alloc(0)),
  createFromBuffer: (bytes: Buffer) => createImage(bytes),
  createFromDataURL: (url: string) => createImage(Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')),
});

/** Width and height stand at a fixed place of a PNG's first chunk. */
function sizeOf(png: Buffer): { readonly width: number; readonly height: number } {
  if (png.length < 24 || png.toString('latin1', 1, 4) !== 'PNG') return { width: 0, height: 0 };
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
}
