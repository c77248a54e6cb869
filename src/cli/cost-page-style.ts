/** Colours and lines of the charts of cost and quality, on a page and in a file of their own. */

const LIGHT =
  '--g0: #1f6fb2; --g1: #c4511a; --g2: #2c8a57; --g3: #8a4fbf; --g4: #a67c00; --g5: #c2356b;'
const DARK =
  '--g0: #63aef0; --g1: #f08f55; --g2: #5fc48d; --g3: #bd93ec; --g4: #d9b44a; --g5: #f07ba5;'

/** Beside the style sheet of the pages. */
export const COST_STYLE: string = `
:root { ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
.mark { stroke: var(--panel); stroke-width: 1; } .mark:hover { stroke: var(--ink); }
.mark.beaten { opacity: .5; }
${[0, 1, 2, 3, 4, 5].map(i => `.group${i} { fill: var(--g${i}); }`).join(' ')}
.front { fill: none; stroke: var(--muted); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .label { font-size: 12px; font-weight: 600; paint-order: stroke; stroke: var(--panel); stroke-width: 4px; stroke-linejoin: round; } svg .label.beaten { font-weight: 400; fill: var(--muted); }
figure + figure { margin-top: 16px; }
dl { margin: 12px 0 0; font-size: 14px; } dt { font-weight: 600; } dd { margin: 0 0 8px; color: var(--muted); }
`

/** What a chart needs that stands alone. */
export const ALONE_STYLE: string = `
:root {
  --paper: #ffffff; --panel: #ffffff; --ink: #16202c; --muted: #566372; --line: #d9e0e7; ${LIGHT}
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #10151b; --panel: #10151b; --ink: #e4ebf2; --muted: #9aa8b6; --line: #2d3843; ${DARK} }
}
svg { background: var(--paper); font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
svg text { fill: var(--ink); } svg .tick { fill: var(--muted); font-size: 12px; } svg .axis { fill: var(--muted); }
.grid { stroke: var(--line); }
${COST_STYLE.slice(COST_STYLE.indexOf('.mark {'), COST_STYLE.indexOf('figure +'))}`
