import { randomUUID } from 'node:crypto';
import { defineService, HttpError, Reply, signToken } from '@teei/service-kit';
import { client, createWorld, eventually } from '@teei/service-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
afterAll(() => world.close());

/** A service behind the gateway that says what reached it. */
const profiles = defineService({
  name: 'unified-profile',
  needs: [],
  setup({ route }) {
    route('POST', '/profiles', ({ body }) => {
      if ((body as { kind?: string }).kind !== 'buddy') throw new HttpError(400, 'kind: must be buddy');
      return new Reply(201, { id: randomUUID() });
    });
    route('GET', '/profiles', ({ query }) => {
      if (query.get('email') === 'nobody@example.org') throw new HttpError(404, 'there is no profile with this email');
      return { id: randomUUID(), email: query.get('email') };
    });
    route('GET', '/profiles/:id', ({ params, profileId, id, query }) => ({ params, profileId, id, q: query.get('q') }));
    route('DELETE', '/profiles/:id', () => new Reply(204));
  },
});

const gateway = await world.start(service);
const anybody = client(gateway.url);
const trusted = client(gateway.url, { 'x-api-key': world.env['API_KEY'] ?? '' });
beforeAll(async () => {
  await world.start(profiles);
  await eventually(() => anybody.get('/health/ready'), ({ status }) => status === 200);
});

async function register() {
  const { body } = await anybody.post('/api/profiles', { kind: 'buddy' });
  return { id: body.id as string, auth: { authorization: `Bearer ${body.token}` } };
}

test('is ready without any of its peers, and says which are down', async () => {
  const state = (body: { services: { name: string; status: string }[] }, name: string) =>
    body.services.find((service) => service.name === name)?.status;
  const { body } = await eventually(
    () => anybody.get('/api/platform'),
    (answer) => state(answer.body, 'unified-profile') === 'up',
  );
  expect(body.status).toBe('degraded');
  expect([state(body, 'api-gateway'), state(body, 'buddy-service')]).toEqual(['up', 'down']);
});

test('registration signs in, and a refused one does not', async () => {
  const one = await register();
  expect((await anybody.get(`/api/profiles/${one.id}`, one.auth)).status).toBe(200);
  const refused = await anybody.post('/api/profiles', { kind: 'robot' });
  expect(refused).toMatchObject({ status: 400, body: { error: 'kind: must be buddy' } });
});

test('passes on path, query, request id, and on whose behalf', async () => {
  const one = await register();
  const answer = await anybody.get(`/api/profiles/${one.id}?q=a%26b`, { ...one.auth, 'x-request-id': 'trace-1' });
  expect(answer.body).toEqual({ params: { id: one.id }, profileId: one.id, id: 'trace-1', q: 'a&b' });
  expect((await anybody.delete(`/api/profiles/${one.id}`, one.auth)).status).toBe(204);
});

test('only trusted clients see everybody', async () => {
  const [one, other] = [await register(), await register()];
  expect((await anybody.get(`/api/profiles/${one.id}`, other.auth)).status).toBe(403);
  expect((await trusted.get(`/api/profiles/${one.id}`)).status).toBe(200);
  expect((await anybody.get(`/api/profiles/${one.id}`, { 'x-api-key': 'wrong' })).status).toBe(401);
});

test('refuses tokens that are foreign, forged, or whose session is not there', async () => {
  const id = randomUUID();
  const claims = { profileId: id, sessionId: randomUUID() };
  for (const secret of ['another-secret-altogether', world.env['JWT_SECRET'] ?? '']) {
    const auth = { authorization: `Bearer ${await signToken(secret, claims, 60)}` };
    expect((await anybody.get(`/api/profiles/${id}`, auth)).status).toBe(401);
  }
  expect((await anybody.get(`/api/profiles/${id}`, { authorization: 'Bearer x.y.z' })).status).toBe(401);
  expect((await anybody.get(`/api/profiles/${id}`)).status).toBe(401);
});

test('trusted clients begin sessions, and sessions end', async () => {
  expect((await anybody.post('/api/sessions', { email: 'a@example.org' })).status).toBe(401);
  expect((await trusted.post('/api/sessions', {})).status).toBe(400);
  expect((await trusted.post('/api/sessions', { email: 'nobody@example.org' })).status).toBe(404);
  const begun = await trusted.post('/api/sessions', { email: 'a@example.org' });
  const auth = { authorization: `Bearer ${begun.body.token}` };
  const mine = `/api/profiles/${begun.body.profileId}`;
  expect((await anybody.get(mine, auth)).status).toBe(200);
  expect((await anybody.delete('/api/sessions', auth)).status).toBe(204);
  expect((await anybody.get(mine, auth)).status).toBe(401);
});

test('a service that is down is a 503 that names it', async () => {
  const one = await register();
  // Where nothing listens.
  world.env['BUDDY_SERVICE_URL'] = 'http://127.0.0.1:3';
  const answer = await anybody.post('/api/matches', { participantId: one.id }, one.auth);
  expect(answer).toMatchObject({ status: 503, body: { error: 'buddy-service cannot be reached: ECONNREFUSED' } });
});

test('a service with another key is a 502', async () => {
  const strange = defineService({ name: 'q2q-ai', needs: [], setup: ({ route }) => route('GET', '/questions/:id', () => ({})) });
  await world.start(strange, { API_KEY: 'quite-another-key' });
  const answer = await trusted.get('/api/questions/1');
  expect(answer).toMatchObject({ status: 502, body: { error: "q2q-ai refused the platform's API key" } });
});

test('counts requests by the minute', async () => {
  const strict = await world.start(service, { RATE_LIMIT_PER_MINUTE: '3' });
  const api = client(strict.url);
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  const one = await register();
  const statuses = [];
  for (let i = 0; i < 10; i++) statuses.push((await api.get(`/api/profiles/${one.id}`, one.auth)).status);
  // The minute may change in between, once.
  expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(4);
});
