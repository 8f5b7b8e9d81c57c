import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ticketServer } from '../src/server.js';
import { openStore } from '../src/store.js';

let store, server, base;

before(async () => {
  assert.ok(process.env.DATABASE_URL, 'DATABASE_URL is needed: these tests talk to a real PostgreSQL');
  store = await openStore(process.env.DATABASE_URL);
  server = ticketServer(store);
  await new Promise((ready) => server.listen(0, ready));
  base = `http://127.0.0.1:${server.address().port}`;
});

after(async () => {
  server?.close();
  await store?.end();
});

const post = (path, body) => fetch(base + path, { method: 'POST', body: JSON.stringify(body) });

test('a ticket is opened, found and closed once', async () => {
  const opened = await post('/tickets', { title: 'The printer is on fire' });
  assert.equal(opened.status, 201);
  const { id } = await opened.json();

  const found = await (await fetch(`${base}/tickets/${id}`)).json();
  assert.deepEqual(found, { id, title: 'The printer is on fire', closed: false });

  assert.equal((await post(`/tickets/${id}/close`)).status, 200);
  assert.equal((await post(`/tickets/${id}/close`)).status, 404);
  const { tickets } = await (await fetch(`${base}/tickets`)).json();
  assert.ok(!tickets.some((ticket) => ticket.id === id), 'a closed ticket is not listed');
});

test('bad input is refused', async () => {
  assert.equal((await post('/tickets', {})).status, 400);
  assert.equal((await fetch(`${base}/tickets`, { method: 'POST', body: '{' })).status, 400);
  assert.equal((await fetch(`${base}/tickets/x`)).status, 404);
  assert.equal((await fetch(`${base}/tickets/999999999`)).status, 404);
});

test('it is healthy while the database answers', async () => {
  assert.equal((await fetch(`${base}/healthz`)).status, 200);
});
