const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Makes text safe inside HTML. */
export const escape = (text) => text.replace(/[&<>"']/g, (c) => entities[c]);

/** The board of open tickets. */
export function page(tickets) {
  const items = tickets.map(({ id, title }) => `<li>#${id} ${escape(title)}</li>`).join('');
  return `<!doctype html><html lang="en"><title>Helpdesk</title><h1>Open tickets</h1><ul>${items || '<li>None. Well done.</li>'}</ul></html>`;
}
