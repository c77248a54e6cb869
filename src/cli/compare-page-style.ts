/** The style sheet of the page that `compare --format html` writes: light or dark as the reader's is. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f6f8fa; --ink: #16202c; --muted: #566372; --line: #d9e0e7;
  --better: #1f6fb2; --worse: #c4511a; --same: #8895a3; --base: #8895a3; --shade: #e8eef4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #10151b; --panel: #181f27; --ink: #e4ebf2; --muted: #9aa8b6; --line: #2d3843;
    --better: #63aef0; --worse: #f08f55; --same: #7e8c9a; --base: #7e8c9a; --shade: #222c36;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 48px 0 12px; overflow-wrap: anywhere; }
h3 { font-size: 15px; margin: 24px 0 8px; }
p { margin: 0 0 8px; }
.muted, figcaption { color: var(--muted); }
.lead { font-size: 17px; margin: 16px 0 0; padding: 0; list-style: none; }
.lead li { margin: 0 0 6px; overflow-wrap: anywhere; }
.notes { font-size: 13px; color: var(--muted); margin: 12px 0 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { font-weight: 600; color: var(--muted); font-size: 13px; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
td:first-child { font-weight: 600; }
.better { color: var(--better); } .worse { color: var(--worse); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure { margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 14px; }
figcaption { font-size: 13px; margin: 0 0 6px; }
figcaption b { color: var(--ink); font-size: 15px; }
svg { display: block; width: 100%; height: auto; font-size: 13px; }
svg text { fill: var(--ink); } svg .tick { fill: var(--muted); font-size: 12px; }
svg .axis { fill: var(--muted); } svg .value { font-variant-numeric: tabular-nums; font-weight: 600; }
.grid { stroke: var(--line); } .zero { stroke: var(--muted); } .whisker { stroke: var(--ink); stroke-width: 1.5; }
.equal { stroke: var(--muted); stroke-dasharray: 4 4; }
.bar.better, .point.better { fill: var(--better); } .bar.worse, .point.worse { fill: var(--worse); }
.bar.same, .point.same { fill: var(--same); } .bar.base { fill: var(--base); opacity: .6; }
.point { opacity: .72; stroke: var(--panel); stroke-width: .6; } .point:hover, rect.bar:hover { opacity: 1; stroke: var(--ink); }
details { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: 9px 0; display: grid; grid-template-columns: 12px 78px 132px 1fr; gap: 12px; }
summary::before { content: '▸'; color: var(--muted); } details[open] > summary::before { content: '▾'; }
summary::-webkit-details-marker { display: none; }
summary:hover { background: var(--panel); }
summary b, summary .figures { font-variant-numeric: tabular-nums; }
.query { overflow-wrap: anywhere; }
.moved { margin: 0 0 14px; padding: 0; list-style: none; }
.moved > li { display: grid; grid-template-columns: 1fr 340px; gap: 8px 24px; padding: 10px 14px; margin: 0 0 8px; background: var(--panel); border-left: 3px solid var(--line); border-radius: 4px; overflow-wrap: anywhere; }
.moved > li > :only-child { grid-column: 1 / -1; }
.why { font-size: 13px; }
.moved > li.relevant { border-left-color: var(--better); }
.rank { font-variant-numeric: tabular-nums; color: var(--ink); }
.passage { margin: 6px 0 0; font-size: 14px; }
mark { background: var(--shade); color: inherit; border-radius: 3px; padding: 0 2px; font-weight: 600; }
.terms { margin: 4px 0 0; display: grid; grid-template-columns: minmax(60px, max-content) 44px 1fr; gap: 2px 10px; font-size: 13px; align-items: center; }
.terms i { font-style: normal; text-align: right; font-variant-numeric: tabular-nums; }
.terms u { display: block; height: 9px; background: var(--better); border-radius: 2px; min-width: 1px; text-decoration: none; }
.terms .added { color: var(--muted); } .terms .added + i + span u { opacity: .5; }
@media (max-width: 640px) {
  main { padding: 20px 14px 48px; } .moved > li { grid-template-columns: 1fr; }
  summary { grid-template-columns: 12px 78px 1fr; } summary .query { grid-column: 1 / -1; }
}
@media print { figure, details { break-inside: avoid; } }
`
