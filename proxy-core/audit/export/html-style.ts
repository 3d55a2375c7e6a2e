/** The report's style sheet. No network, no inline styles: the page's policy allows this text only, by its hash. */
export const REPORT_STYLE = `
:root{color-scheme:light;--ink:#1c2330;--soft:#5b6472;--line:#dfe3ea;--paper:#fff;--wash:#f5f7fa;--good:#0f6b3c;--good-wash:#e7f5ec;--bad:#a4161a;--bad-wash:#fdecec;--wait:#8a5a00;--wait-wash:#fff5dd;--link:#1f4fa3}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif}
main{display:flex;flex-direction:column;gap:20px;max-width:900px;margin:0 auto;padding:32px 20px 60px}
section,header{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:24px 28px;overflow-x:auto}
header{border-top:6px solid var(--link)}
h1{font-size:28px;line-height:1.25;margin:0 0 4px}
h2{font-size:20px;margin:0 0 12px}
h3{font-size:16px;margin:0}
p{margin:0 0 10px}
.soft{color:var(--soft)}
.small{font-size:14px}
.lead p{font-size:17px}
.badge{display:inline-block;border-radius:999px;padding:2px 12px;font-size:14px;font-weight:600;background:var(--wash);border:1px solid var(--line)}
.good{color:var(--good);background:var(--good-wash);border-color:#b9dfc8}
.bad{color:var(--bad);background:var(--bad-wash);border-color:#f3c1c2}
.wait{color:var(--wait);background:var(--wait-wash);border-color:#efd9a3}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0 0;padding:0}
.facts div{border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.facts dt{font-size:13px;color:var(--soft)}
.foot{margin:16px 0 0}
.facts dd{margin:0;font-size:20px;font-weight:600}
table{border-collapse:collapse;width:100%;font-size:15px}
th{text-align:left;font-weight:600;color:var(--soft);font-size:13px}
th,td{padding:7px 10px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;padding-right:0;padding-left:10px;font-variant-numeric:tabular-nums}
tr.sum td{font-weight:600;border-bottom:0}
progress{width:100%;height:12px;accent-color:var(--link)}
.card{border:1px solid var(--line);border-left:6px solid var(--line);border-radius:8px;padding:16px 18px;margin:0 0 14px;break-inside:avoid}
.card.approved{border-left-color:var(--good)}
.card.rejected,.card.expired{border-left-color:var(--bad)}
.card.pending{border-left-color:#d99a00}
.card .row{display:flex;gap:12px;justify-content:space-between;align-items:baseline;flex-wrap:wrap;margin-bottom:6px}
.card dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:8px 0 0;font-size:15px}
.card dt{color:var(--soft)}
.card dd{margin:0;overflow-wrap:anywhere}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
ol.time .card{padding:6px 12px;margin:6px 0;border-left-width:1px}
ol.time .card dl{margin:0}
ol.time pre{max-height:340px;overflow:auto}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--wash);border:1px solid var(--line);border-radius:6px;padding:10px 12px;margin:6px 0}
.hash{overflow-wrap:anywhere}
ol.time{list-style:none;margin:0;padding:0}
ol.time>li{display:grid;grid-template-columns:74px 104px 1fr 84px;gap:0 12px;padding:9px 0;border-bottom:1px solid var(--line);content-visibility:auto;contain-intrinsic-size:auto 44px}
ol.time .at{color:var(--soft);font-variant-numeric:tabular-nums;font-size:14px;padding-top:2px}
ol.time .kind{font-size:13px;font-weight:600;color:var(--soft);padding-top:2px}
ol.time .cost{text-align:right;font-variant-numeric:tabular-nums;font-size:14px;padding-top:2px}
ol.time .what{min-width:0}
ol.time li.gate,ol.time li.refusal{background:linear-gradient(90deg,transparent,var(--wait-wash) 12%,var(--wait-wash) 88%,transparent)}
ol.time li.day{display:block;font-weight:600;padding-top:16px;background:none}
details{margin-top:4px}
summary{cursor:pointer;color:var(--link);font-size:14px}
.who{font-size:13px;font-weight:600;color:var(--soft);margin-top:8px}
#check p{border-radius:6px;padding:8px 12px}
button,label.button{font:inherit;font-size:15px;border:1px solid var(--link);background:var(--link);color:#fff;border-radius:6px;padding:7px 14px;cursor:pointer;display:inline-block}
input[type=file]{position:absolute;width:1px;height:1px;opacity:0}
input[type=file]:focus-visible+label,button:focus-visible,summary:focus-visible{outline:3px solid #f2b705;outline-offset:2px}
@media (max-width:640px){main{padding:12px 8px 40px}section,header{padding:16px}.card dl{grid-template-columns:1fr}.card dd{margin-bottom:6px}ol.time>li{grid-template-columns:70px 1fr 76px}ol.time .kind{grid-column:2}ol.time .what{grid-column:1/-1}ol.time .cost{grid-column:3;grid-row:1}}
@media print{ol.time pre{max-height:none}body{background:#fff;font-size:13px}main{max-width:none;padding:0;gap:8px}section,header{border:0;padding:8px 0;border-radius:0}h2{break-after:avoid}ol.time>li{content-visibility:visible;break-inside:avoid;grid-template-columns:64px 92px 1fr 76px}.screen{display:none}details>summary{list-style:none;color:var(--soft)}}
`;
