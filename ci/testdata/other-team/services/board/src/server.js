import { createServer } from 'node:http';

import { page } from './page.js';

/** Shows the board, and hands everything below /tickets on to that service. */
export function boardServer(tickets) {
  return createServer(async (request, response) => {
    const send = (status, type, body) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    };
    try {
      const { pathname } = new URL(request.url, 'http://board');
      if (pathname === '/healthz') return send(200, 'application/json', '{"status":"ok"}');
      if (pathname === '/') {
        const answer = await fetch(`${tickets}/tickets`);
        return send(200, 'text/html; charset=utf-8', page((await answer.json()).tickets));
      }
      if (!pathname.startsWith('/tickets')) return send(404, 'application/json', '{"error":"not found"}');
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const answer = await fetch(tickets + pathname, { method: request.method, body: chunks.length ? Buffer.concat(chunks) : undefined });
      return send(answer.status, answer.headers.get('content-type'), await answer.text());
    } catch (error) {
      console.log(JSON.stringify({ level: 'error', message: error.message }));
      return send(502, 'application/json', '{"error":"tickets does not answer"}');
    }
  });
}
