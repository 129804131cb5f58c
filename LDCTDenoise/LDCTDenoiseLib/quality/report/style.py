"""How the page looks: dark ink on white, columns that fold on a narrow screen, whole pages on paper."""

STYLE = """
:root { color-scheme: light; --ink: #1a1d21; --soft: #5a626b; --line: #d5dade; --tint: #f3f5f6; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 0 20px 24px; max-width: 1120px; background: #fff; color: var(--ink);
  font: 15px/1.45 "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif; }
h1 { font-size: 25px; line-height: 1.2; margin: 14px 0 10px; overflow-wrap: anywhere; }
h1 small { display: block; font-size: 17px; font-weight: 400; color: var(--soft); }
h2 { font-size: 19px; margin: 30px 0 8px; padding-bottom: 4px; border-bottom: 2px solid var(--ink); }
h3 { font-size: 15px; margin: 0; }
p { margin: 6px 0; }
.use { margin: 0; padding: 6px 0; font-weight: 600; border-bottom: 1px solid var(--line); }
footer .use { border: 0; border-top: 1px solid var(--line); margin-top: 30px; }
.note { color: var(--soft); font-size: 13px; max-width: 80ch; }
header dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(155px, 1fr)); gap: 8px 22px; }
dl { margin: 0; }
dt { color: var(--soft); font-size: 12.5px; }
dd { margin: 0; overflow-wrap: anywhere; }

.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; border-bottom: 1.5px solid var(--soft); font-weight: 600; }
tbody th { font-weight: 400; }
th small { color: var(--soft); font-weight: 400; white-space: nowrap; }
td span { white-space: nowrap; }
td small { display: inline-block; white-space: nowrap; color: var(--soft); font-size: 12px; }
td span + small, td .light + small { margin-left: 7px; }
td small + small { display: block; }
.glance, .figures { width: 100%; }
.glance tbody th { font-weight: 600; }
.glance td { white-space: nowrap; }
.glance td small { display: block; margin: 0 !important; }
.figures tr.group th { font-weight: 600; background: var(--tint); padding: 5px 8px; }
.figures tbody tr:not(.group) th { padding-left: 8px; }
.definitions { display: block; columns: 2 380px; column-gap: 30px; font-size: 13px; }
.definitions div { break-inside: avoid; padding: 3px 0 5px; }
.definitions dt, .definitions dd { display: inline; }
.definitions dt { color: var(--ink); font-weight: 600; font-size: inherit; padding-right: 7px; }
.definitions small { color: var(--soft); font-weight: 400; }
details { margin-top: 10px; }
summary { cursor: pointer; }

.light { width: 14px; height: 14px; vertical-align: -2px; margin-left: 6px; flex: none; }
.light path, .light circle { stroke: none; }
.light .sign { fill: none; stroke: #fff; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.green { fill: #1b7f4b; } .red { fill: #b3261e; } .amber { fill: #f0b429; }
.amber .sign { stroke: #1a1d21; stroke-width: 1.8; }
.none { fill: #fff; } .none circle { stroke: #5a626b; stroke-width: 1.4; stroke-dasharray: 2.4 1.6; }
.none .sign { stroke: #5a626b; }
.verdicts { list-style: none; margin: 12px 0 0; padding: 0; }
.verdicts li { display: flex; gap: 8px; padding: 4px 0; max-width: 95ch; }
.verdicts .light { width: 18px; height: 18px; margin: 2px 0 0; }
h3:has(+ .notices) { margin-top: 12px; }
.notices { margin: 4px 0 0; padding-left: 20px; max-width: 95ch; }

.strip { margin: 14px 0 0; }
.head { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between; align-items: baseline; }
.scale { font-size: 12.5px; white-space: nowrap; font-variant-numeric: tabular-nums; }
.scale svg { width: 120px; height: 9px; }
.scale .frame { fill: none; stroke: #777; stroke-width: .8; }
.cells { display: grid; grid-template-columns: repeat(var(--n), minmax(0, 1fr)); gap: 8px; margin-top: 5px; }
figure { margin: 0; break-inside: avoid; }
.strip svg[viewBox]:not(.scale svg) { display: block; width: 100%; height: auto; }
.strip figure svg { outline: 1px solid var(--line); outline-offset: -1px; background: #fff; }
.strip figcaption { font-size: 12.5px; padding-top: 2px; overflow-wrap: anywhere; }
.roi, .detail { fill: none; stroke: #f0e442; stroke-width: 1.2; vector-effect: non-scaling-stroke; }
.detail { stroke: #fff; stroke-dasharray: 4 3; }
.edge { fill: #56b4e9; }
path.ruler { stroke: #fff; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
text.ruler { fill: #fff; font-family: inherit; }

.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 18px 26px; }
.plot svg { display: block; width: 100%; height: auto; }
.plot svg * { stroke-linejoin: round; }
.plot figcaption { font-size: 13px; min-height: 2.9em; }
.records { width: 100%; font-size: 12.5px; }
.records tbody th { color: var(--soft); white-space: nowrap; }
.records td { white-space: normal; overflow-wrap: anywhere; min-width: 9em; width: calc(85% / var(--n)); }
.records td[colspan] { text-align: center; background: var(--tint); }
.records + .records { margin-top: 14px; }

@media (max-width: 640px) {
  body { padding: 0 12px 16px; font-size: 14px; }
  .cells { grid-template-columns: repeat(min(2, var(--n)), minmax(0, 1fr)); }
  .wide th:first-child { position: sticky; left: 0; background: #fff; }
}
@page { size: A4; margin: 14mm 13mm 16mm;
  @bottom-left { content: "For research use only. Not for diagnosis."; font: 8pt sans-serif; }
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
@media print {
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h1 { font-size: 16pt; } h1 small { font-size: 11pt; } h2 { font-size: 12.5pt; margin-top: 16pt; }
  h2, h3, .head, .note { break-after: avoid; }
  table { font-size: 8.3pt; } td small { font-size: 7.3pt; }
  th, td { padding: 2.5pt 6pt 2.5pt 0; }
  .wide { overflow: visible; }
  tr, .strip, .records, .verdicts li { break-inside: avoid; }
  .plots { grid-template-columns: 1fr 1fr; gap: 10pt 14pt; }
  table.records, table.glance { font-size: 7.8pt; } table.glance th, table.glance td { padding-right: 4pt; }
  .definitions { columns: 2; font-size: 8pt; }
  .note, .plot figcaption, .strip figcaption { font-size: 8pt; }
  details { display: none; }
}
"""
