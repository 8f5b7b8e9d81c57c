/** The page, its styles and its script. No build step, nothing loaded from elsewhere. */

export const styles = `
:root { color-scheme: light dark; --ink: #16202c; --soft: #5b6b7d; --line: #dfe5ec; --paper: #f6f8fa; --card: #fff;
  --good: #18794e; --warn: #ad5700; --bad: #c62a2f; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --soft: #97a6b7; --line: #2b3643; --paper: #10161d;
  --card: #18212b; --good: #4cc38a; --warn: #f1a10d; --bad: #ff6369; --accent: #6cb6ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; align-items: baseline; gap: 1rem; padding-top: 2.5rem; flex-wrap: wrap; }
h1 { font-size: 1.5rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.08em; color: var(--soft); margin: 2.25rem 0 0.75rem; }
#overall { font-weight: 600; }
.up { color: var(--good); } .unready, .degraded { color: var(--warn); } .down { color: var(--bad); }
.numbers, .services { display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem; padding: 0.9rem 1rem; }
.card strong { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; color: var(--accent); }
.card span, .card small { color: var(--soft); }
.service { display: grid; grid-template-columns: 1fr auto; gap: 0 0.5rem; }
.service b { font-weight: 600; } .service small { grid-column: 1 / -1; overflow-wrap: anywhere; }
.service .state { color: inherit; }
footer { color: var(--soft); font-size: 0.85rem; margin: 2rem 0; }
`;

export const script = `
const at = (id) => document.getElementById(id);
const make = (tag, cls, text) => { const e = document.createElement(tag); e.className = cls; e.textContent = text; return e; };
const number = new Intl.NumberFormat();
function show(data) {
  at('overall').className = data.status;
  at('overall').textContent = data.status === 'up' ? 'All services are up' : 'Some services need attention';
  at('services').replaceChildren(...data.services.map((s) => {
    const card = make('div', 'card service', '');
    const down = Object.entries(s.detail ?? {}).filter(([, d]) => d.status === 'down').map(([name]) => name);
    card.append(make('b', '', s.name), make('span', 'state ' + s.status, s.status),
      make('small', '', s.status === 'up' ? ':' + s.port + ' · ' + s.ms + ' ms'
        : down.length > 0 ? 'without ' + down.join(', ') : String(s.detail ?? '')));
    return card;
  }));
  const sums = data.impact ?? {};
  for (const id of ['people', 'events', 'points']) at(id).textContent = sums[id] === undefined ? '–' : number.format(sums[id]);
  at('hours').textContent = sums.minutes === undefined ? '–' : number.format(Math.round(sums.minutes / 60));
  at('when').textContent = 'Seen at ' + new Date().toLocaleTimeString();
}
async function refresh() {
  try {
    const response = await fetch('/api/status');
    if (!response.ok) throw new Error('status ' + response.status);
    show(await response.json());
  } catch (error) {
    at('overall').className = 'down';
    at('overall').textContent = 'The API gateway does not answer';
    at('when').textContent = String(error.message);
  }
}
refresh();
setInterval(refresh, 5000);
`;

export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TEEI Corp Cockpit</title>
<link rel="icon" href="data:,">
<style>${styles}</style>
</head>
<body>
<header><h1>TEEI Corp Cockpit</h1><span id="overall" role="status">Looking …</span></header>
<main>
<h2>Impact so far</h2>
<div class="numbers">
<div class="card"><strong id="people">–</strong><span>people</span></div>
<div class="card"><strong id="events">–</strong><span>contributions</span></div>
<div class="card"><strong id="hours">–</strong><span>hours</span></div>
<div class="card"><strong id="points">–</strong><span>points</span></div>
</div>
<h2>Services</h2>
<div class="services" id="services"></div>
<footer id="when"></footer>
</main>
<script>${script}</script>
</body>
</html>
`;
