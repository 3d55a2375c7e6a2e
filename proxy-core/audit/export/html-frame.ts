import type { Sha256 } from '../chain.ts';
import type { HtmlOptions } from './html.ts';
import { REPORT_STYLE } from './html-style.ts';
import { REPORT_SCRIPT } from './html-verifier.ts';
import { escapeHtml, html } from './markup.ts';
import type { Calendar } from './plain-words.ts';
import type { RedactedSource } from './redact.ts';

/** The page around a report: its policy, style and script, and what it says about itself. */

/** From the document's start to the start of its content. */
export function renderHead(title: string, { print }: HtmlOptions, sha256: Sha256): string {
  const style = print === null ? REPORT_STYLE : `${REPORT_STYLE}@page{size:${print};margin:16mm 15mm}\n`;
  const allowed = (text: string): string => `'sha256-${hexToBase64(sha256(text))}'`;
  const policy = `default-src 'none'; script-src ${allowed(REPORT_SCRIPT)}; style-src ${allowed(style)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>`;
}

/** From the end of the content to where the seal stands. What only shows after the whole run was walked is said here. */
export function renderTail(source: RedactedSource, calendar: Calendar, { print }: HtmlOptions): string {
  const { about, masked } = source;
  const hidden =
    masked === 0
      ? 'No secrets (keys, passwords, tokens) were found in it.'
      : `Secrets (keys, passwords, tokens) were replaced by “[masked]” in ${masked === 1 ? 'one place' : `${masked} places`}.`;
  const check = html`<div class="screen">
<p><button type="button" id="check-records">Check the records</button> <input type="file" id="check-file" accept=".html"> <label class="button" for="check-file">Check every byte: choose this file…</label></p>
<div id="check" class="small" aria-live="polite"></div>
</div>`;
  return html`
<section id="trust"><h2>Can this report be trusted?</h2>
<p>Rungate wrote this file on ${calendar.day(about.exportedAt)} at ${calendar.time(about.exportedAt)} and signed every byte of it. ${hidden} ${about.prompts ? '' : 'Prompts and answers were left out.'}</p>
<p>To check it, run <code>rungate verify</code> with this file’s name on the computer it came from. The check below needs no program and no network, but <b>it guards against accidents only</b>: somebody who changes this file on purpose can change the check, too.</p>
${print === null ? check : null}
<dl class="small card"><dt>Run</dt><dd class="hash">${source.run.run_id}</dd><dt>Signed with the key</dt><dd class="hash">${about.key}</dd><dt>Installation</dt><dd class="hash">${about.installation}</dd><dt>SHA-256</dt><dd class="hash" id="sha256">at the end of this file</dd><dt>Secrets masked</dt><dd>${masked}</dd><dt>Written by</dt><dd>Rungate ${about.version}</dd></dl>
</section>
</main>
<script>${{ html: REPORT_SCRIPT }}</script>`.html;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Hex to base64, as content security policies spell hashes. */
function hexToBase64(hex: string): string {
  let text = '';
  for (let at = 0; at < hex.length; at += 6) {
    const group = hex.slice(at, at + 6);
    const bits = Number.parseInt(group.padEnd(6, '0'), 16);
    const digits = [18, 12, 6, 0].map((shift) => DIGITS.charAt((bits >> shift) & 63));
    text += digits.slice(0, group.length / 2 + 1).join('');
  }
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}
