import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { escape, page } from '../src/page.js';
import { boardServer } from '../src/server.js';

const listen = async (server) => {
  await new Promise((ready) => server.listen(0, ready));
  return `http://127.0.0.1:${server.address().port}`;
};

test('titles cannot bring markup along', () => {
  assert.equal(escape(`<b>"it's" & more</b>`), '&lt;b&gt;&quot;it&#39;s&quot; &amp; more&lt;/b&gt;');
  assert.ok(page([{ id: 7, title: '<script>' }]).includes('#7 &lt;script&gt;'));
  assert.ok(page([]).includes('Well done'));
});

test('requests for tickets are handed on', async () => {
  const seen = [];
  const tickets = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push(`${request.method} ${request.url} ${body}`);
    response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":1}');
  });
  const board = boardServer(await listen(tickets));
  const base = await listen(board);
  try {
    const answer = await fetch(`${base}/tickets`, { method: 'POST', body: '{"title":"x"}' });
    assert.equal(answer.status, 201);
    assert.deepEqual(await answer.json(), { id: 1 });
    assert.deepEqual(seen, ['POST /tickets {"title":"x"}']);
    assert.equal((await fetch(`${base}/elsewhere`)).status, 404);
  } finally {
    tickets.close();
    tickets.closeAllConnections();
  }
  assert.equal((await fetch(`${base}/tickets`)).status, 502);
  assert.equal((await fetch(`${base}/healthz`)).status, 200);
  board.close();
});
