/**
 * The operator port's own page: sign-in by launch code, state of the core, runs and budgets, pause and resume.
 * Model-controlled text (run ids, labels, model names) is only ever set as text content, never as HTML.
 */
export const OPERATOR_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rungate</title>
<link rel="stylesheet" href="/console.css">
</head>
<body>
<header>
<h1>Rungate</h1>
<p id="state" role="status" data-testid="shell.state">Connecting…</p>
<button id="pause" type="button" data-testid="shell.pause" hidden>Pause all</button>
</header>
<main>
<section aria-labelledby="runs-title"><h2 id="runs-title">Runs</h2>
<table data-testid="runs.table"><thead><tr><th>State</th><th>Agent</th><th>Run</th><th>Calls</th><th>Spent</th><th>Cap</th><th>Last activity</th><th></th></tr></thead><tbody id="runs"></tbody></table>
<p id="no-runs" hidden>No run yet. Point an agent at the base URL above; its first call starts one.</p></section>
<section aria-labelledby="budgets-title"><h2 id="budgets-title">Budgets</h2>
<table data-testid="budgets.table"><thead><tr><th>Scope</th><th>Name</th><th>Window</th><th>Spent</th><th>Cap</th></tr></thead><tbody id="budgets"></tbody></table></section>
</main>
<script src="/console.js"></script>
</body>
</html>
`;

/** The page's style sheet, served as a file: the content security policy allows none inline. */
export const OPERATOR_STYLE = `:root{color-scheme:light dark;--bg:#F6F7F9;--surface:#FFF;--text:#16191D;--muted:#545C66;--line:#7A838E55;--accent:#0B5CAD}
@media (prefers-color-scheme:dark){:root{--bg:#0E1116;--surface:#161B22;--text:#E8ECF1;--muted:#9BA6B2;--line:#6C778455;--accent:#6CB6FF}}
body{margin:0;background:var(--bg);color:var(--text);font:13px/18px system-ui,sans-serif}
header{display:flex;gap:16px;align-items:center;padding:12px 24px;border-bottom:1px solid var(--line)}
h1{font-size:15px;margin:0}h2{font-size:15px;line-height:20px}header p{flex:1;margin:0;color:var(--muted)}
main{padding:0 24px 24px;max-width:1200px}
table{width:100%;border-collapse:collapse;background:var(--surface);border:1px solid var(--line);border-radius:6px}
th,td{text-align:left;padding:6px 12px;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
th{color:var(--muted);font-weight:600}
button{min-height:28px;padding:2px 12px;border:1px solid var(--muted);border-radius:6px;background:var(--surface);color:var(--text);font:inherit;cursor:pointer}
button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
`;

/** The page's script; it builds text nodes only, so that no name of an agent or model becomes markup. */
export const OPERATOR_SCRIPT = `'use strict';
const byId = (id) => document.getElementById(id);
const usd = (nano) => nano === null ? '–' : '$' + (nano / 1e9).toFixed(nano !== 0 && Math.abs(nano) < 1e7 ? 6 : 2);
async function post(path, body) {
  const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return response.json();
}
function row(cells) {
  const line = document.createElement('tr');
  for (const cell of cells) {
    const place = document.createElement('td');
    if (cell instanceof Node) place.append(cell); else place.textContent = cell;
    line.append(place);
  }
  return line;
}
function stopButton(run) {
  if (run.state !== 'open' && run.state !== 'waiting') return '';
  const button = document.createElement('button');
  button.textContent = 'Stop';
  button.addEventListener('click', async () => { await post('/api/runs.stop', { run_id: run.run_id }); await refresh(); });
  return button;
}
let paused = false;
async function refresh() {
  const status = await post('/api/core.status', {});
  if (!status.ok) { byId('state').textContent = status.failure.message + ' ' + (status.failure.context.recover ?? ''); return; }
  paused = status.value.paused;
  byId('state').textContent = (paused ? 'Paused. ' : '') + 'Base URL ' + status.value.agent_url + ' · ' + status.value.in_flight + ' in flight · version ' + status.value.version;
  byId('pause').hidden = false;
  byId('pause').textContent = paused ? 'Resume' : 'Pause all';
  const runs = await post('/api/runs.list', { limit: 100 });
  const budgets = await post('/api/budgets.list', {});
  if (!runs.ok || !budgets.ok) return;
  byId('no-runs').hidden = runs.value.runs.length > 0;
  byId('runs').replaceChildren(...runs.value.runs.map((run) => row([run.state, run.agent, run.run_id, String(run.exchanges), usd(run.spent_nano), usd(run.cap_nano), new Date(run.last_activity_at).toLocaleString(), stopButton(run)])));
  byId('budgets').replaceChildren(...budgets.value.budgets.map((budget) => row([budget.scope, budget.name, budget.window, usd(budget.spent_nano), usd(budget.cap_nano)])));
}
byId('pause').addEventListener('click', async () => { await post(paused ? '/api/core.resume' : '/api/core.pause', {}); await refresh(); });
(async () => {
  const code = new URLSearchParams(location.hash.slice(1)).get('launch');
  if (code !== null) {
    history.replaceState(null, '', '/');
    await post('/session', { code });
  }
  await refresh();
  setInterval(() => void refresh().catch(() => { byId('state').textContent = 'Rungate does not answer. Is it still running?'; }), 2000);
})();
`;
