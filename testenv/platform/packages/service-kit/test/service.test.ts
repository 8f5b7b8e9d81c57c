import * as v from 'valibot';
import { afterAll, expect, test } from 'vitest';
import { signToken, verifyToken } from '../src/auth.ts';
import { literal } from '../src/clickhouse.ts';
import { check, defineService, HttpError, type PlatformEvents } from '../src/index.ts';
import { peerAddress } from '../src/peers.ts';
import { reach } from '../src/reach.ts';
import { createWorld, eventually } from '../src/testing.ts';

const world = createWorld();
afterAll(() => world.close());

const everything = defineService({
  name: 'reporting',
  needs: ['postgres', 'redis', 'nats', 'clickhouse'],
  setup({ clickhouse, nats, open, prepare, redis, route }) {
    const heard: PlatformEvents['content.flagged'][] = [];
    prepare(() => clickhouse.ensure([]));
    nats.on('content.flagged', async (event) => {
      await Promise.resolve();
      if (event.verdictId < 0) throw new Error('negative');
      heard.push(event);
    });
    route('POST', '/events', (request) => {
      nats.publish('content.flagged', check(v.object({ verdictId: v.number(), categories: v.array(v.string()) }), request.body));
      return {};
    });
    route('GET', '/events', () => ({ heard }));
    route('GET', '/clickhouse/:text', async (request) => {
      const rows = await clickhouse.query<{ text: string; n: number }>`
        SELECT ${request.params['text'] ?? ''} AS text, toUInt64(7) AS n`;
      return rows[0];
    });
    route('GET', '/redis/:key', async ({ params: { key = '' } }) => ({ count: await redis.incr(key) }));
    route('GET', '/conflict', () => {
      throw new HttpError(409, 'not now');
    });
    route('GET', '/bug', () => {
      throw new Error('postgres://user:password@host is not for callers');
    });
    open('GET', '/open', () => ({ open: true }));
  },
});

const api = await world.start(everything);

test('is ready once all its servers answer, and names them', async () => {
  const ready = await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  expect(ready.body.status).toBe('ready');
  expect(Object.keys(ready.body.dependencies).sort()).toEqual(['clickhouse', 'nats', 'postgres', 'redis']);
});

test('reaches its servers without serving, and names the one it does not reach', async () => {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  expect(await reach(everything, world.env, say)).toBe(true);
  expect(said.sort()).toEqual(['clickhouse answers', 'nats answers', 'postgres answers', 'redis answers']);
  said.length = 0;
  expect(await reach(everything, { ...world.env, REDIS_URL: 'redis://:secret@127.0.0.1:3' }, say)).toBe(false);
  expect(said.filter((line) => line.includes('redis does not answer')).join()).not.toContain('secret');
  expect(said).toHaveLength(4);
}, 30_000);

test('names the server that is down, and stays alive', async () => {
  const alone = await world.start(
    { ...everything, name: 'q2q-ai' },
    { REDIS_URL: 'redis://127.0.0.1:3', NATS_URL: 'nats://127.0.0.1:1', CLICKHOUSE_URL: 'http://127.0.0.1:1' },
  );
  const ready = await eventually(() => alone.get('/health/ready'), ({ body }) => body.dependencies.postgres.status === 'up');
  expect(ready.status).toBe(503);
  for (const name of ['redis', 'nats', 'clickhouse', 'preparation']) {
    expect(ready.body.dependencies[name]).toMatchObject({ status: 'down' });
  }
  expect((await alone.get('/health')).status).toBe(200);
  expect((await alone.post('/events', { verdictId: 1, categories: [] })).status).toBe(503);
});

test('answers nobody without the key, except where it is open', async () => {
  expect((await api.get('/conflict', { 'x-api-key': 'wrong' })).status).toBe(401);
  expect((await api.get('/open', { 'x-api-key': '' })).body).toEqual({ open: true });
});

test('tells callers what they did wrong, and nothing about its own faults', async () => {
  expect(await api.get('/conflict')).toMatchObject({ status: 409, body: { error: 'not now' } });
  expect(await api.get('/bug')).toMatchObject({ status: 500, body: { error: 'internal error' } });
  expect((await api.get('/nothing')).status).toBe(404);
  expect((await api.delete('/open')).status).toBe(405);
  expect((await api.get('/redis/%E0%A4%A')).status).toBe(400);
  expect((await api.post('/events', '{')).body.error).toBe('the body is not JSON');
  expect((await api.post('/events', { verdictId: 'x' })).body.error).toMatch(/^verdictId: .*; categories: /);
  expect((await api.post('/events', { text: 'x'.repeat(300_000) })).status).toBe(413);
});

test('carries the id of a request', async () => {
  expect((await api.get('/open', { 'x-request-id': 'abc-1' })).headers.get('x-request-id')).toBe('abc-1');
  expect((await api.get('/open', { 'x-request-id': 'a b' })).headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
});

test('hears events, also after one it could not handle', async () => {
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  await api.post('/events', { verdictId: -1, categories: [] });
  await api.post('/events', { verdictId: 5, categories: ['x'] });
  const { body } = await eventually(() => api.get('/events'), (answer) => answer.body.heard.length > 0);
  expect(body.heard).toEqual([{ verdictId: 5, categories: ['x'] }]);
  const metrics = String((await api.get('/metrics')).body);
  expect(metrics).toContain('events_total{subject="content.flagged",outcome="failed",service="reporting"} 1');
});

test('speaks to ClickHouse in literals, whatever they hold', async () => {
  const text = `it's a \\ "quoted" 'line'`;
  const { body } = await api.get(`/clickhouse/${encodeURIComponent(text)}`);
  expect(body).toEqual({ text, n: 7 });
  expect(literal(`'`)).toBe(`'\\''`);
  expect(literal(null)).toBe('NULL');
});

test('counts in Redis', async () => {
  const key = world.env['NATS_PREFIX'] ?? '';
  await api.get(`/redis/${key}`);
  expect((await api.get(`/redis/${key}`)).body).toEqual({ count: 2 });
});

test('finds peers by the variables of Services, then by URL, then by name', () => {
  expect(peerAddress({}, 'q2q-ai')).toBe('http://localhost:3021');
  expect(peerAddress({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'q2q-ai')).toBe('http://q2q-ai:3021');
  const url = { KUBERNETES_SERVICE_HOST: '10.0.0.1', Q2Q_AI_URL: 'http://elsewhere:1/' };
  expect(peerAddress(url, 'q2q-ai')).toBe('http://elsewhere:1');
  const links = { ...url, Q2Q_AI_SERVICE_HOST: '10.96.0.7', Q2Q_AI_SERVICE_PORT: '3021' };
  expect(peerAddress(links, 'q2q-ai')).toBe('http://10.96.0.7:3021');
  expect(peerAddress({ Q2Q_AI_SERVICE_HOST: 'fd00::7' }, 'q2q-ai')).toBe('http://[fd00::7]:3021');
});

test('issues tokens that only its secret opens, until they expire', async () => {
  const claims = { profileId: 'p', sessionId: 's' };
  const token = await signToken('a-secret-of-some-length', claims, 60);
  expect(await verifyToken('a-secret-of-some-length', token)).toEqual(claims);
  await expect(verifyToken('another-secret-as-long', token)).rejects.toMatchObject({ status: 401 });
  const old = await signToken('a-secret-of-some-length', claims, -1);
  await expect(verifyToken('a-secret-of-some-length', old)).rejects.toMatchObject({ status: 401 });
});
