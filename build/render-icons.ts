import { readFileSync, writeFileSync } from 'node:fs';
import { chromium } from '@playwright/test';
import { chromiumOptions } from '../test/harness/browser.ts';

/** Draw the app's pictures from their SVGs: `node build/render-icons.ts`, after an SVG was changed. */
const PICTURES = [
  { from: 'icon.svg', to: 'icon.png', size: 512 },
  { from: 'tray.svg', to: 'tray.png', size: 32 },
  { from: 'tray-template.svg', to: 'trayTemplate.png', size: 16 },
  { from: 'tray-template.svg', to: 'trayTemplate@2x.png', size: 32 },
  { from: 'overlay.svg', to: 'overlay.png', size: 32 },
];

const icons = (name: string): URL => new URL(`icons/${name}`, import.meta.url);

const browser = await chromium.launch(await chromiumOptions());
try {
  for (const { from, to, size } of PICTURES) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    const image = readFileSync(icons(from)).toString('base64');
    await page.setContent(
      `<style>body{margin:0}img{display:block}</style><img width="${size}" height="${size}" src="data:image/svg+xml;base64,${image}">`,
    );
    writeFileSync(icons(to), await page.screenshot({ omitBackground: true }));
    await page.close();
  }
} finally {
  await browser.close();
}
