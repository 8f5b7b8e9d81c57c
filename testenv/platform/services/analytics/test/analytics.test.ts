import { randomUUID } from 'node:crypto';
import { defineService, type PlatformEvents } from '@teei/service-kit';
import { createWorld, eventually } from '@teei/service-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
afterAll(() => world.close());

const source = defineService({
  name: 'impact-in',
  needs: ['nats'],
  setup: ({ nats, route }) =>
    route('POST', '/events', ({ body }) => nats.publish('impact.recorded', body as PlatformEvents['impact.recorded'])),
});

const [api, events] = [await world.start(service), await world.start(source)];
beforeAll(async () => {
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  await eventually(() => events.get('/health/ready'), ({ status }) => status === 200);
});

const event = (profileId: string, more: object = {}) => ({
  eventId: randomUUID(),
  profileId,
  companyId: 1,
  kind: 'volunteering',
  minutes: 30,
  points: 30,
  occurredAt: '2025-06-15T12:00:00.500Z',
  ...more,
});

test('sums a person by kind, and counts an event once', async () => {
  const id = randomUUID();
  const twice = event(id);
  for (const one of [twice, twice, event(id), event(id, { kind: 'donation', minutes: 0, points: 25, companyId: null })]) {
    await events.post('/events', one);
  }
  const { body } = await eventually(() => api.get(`/profiles/${id}`), (answer) => answer.body.points === 85);
  expect(body).toEqual({
    profileId: id,
    events: 3,
    minutes: 60,
    points: 85,
    kinds: [
      { kind: 'donation', events: 1, minutes: 0, points: 25 },
      { kind: 'volunteering', events: 2, minutes: 60, points: 60 },
    ],
  });
});

test('sums a period, and an empty one', async () => {
  for (const day of ['01', '31']) await events.post('/events', event(randomUUID(), { occurredAt: `2022-01-${day}T10:00:00.000Z` }));
  const january = await eventually(() => api.get('/summary?from=2022-01-01&to=2022-01-31'), ({ body }) => body.events === 2);
  expect(january.body).toMatchObject({ people: 2, minutes: 60, points: 60 });
  expect((await api.get('/summary?from=2022-01-02&to=2022-01-30')).body).toMatchObject({ events: 0, people: 0, points: 0 });
  expect((await api.get('/summary?from=yesterday')).status).toBe(400);
});

test('an unknown person has no sums', async () => {
  expect((await api.get(`/profiles/${randomUUID()}`)).body).toMatchObject({ events: 0, kinds: [] });
  expect((await api.get(`/profiles/' or 1`)).status).toBe(404);
});
