import { defineService, type PlatformEvents, type Subject } from '@teei/service-kit';
import { createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { database, profiles } from '@teei/shared-schema';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answer, understand } from '../src/nlq.ts';
import { service } from '../src/service.ts';

const world = createWorld();
const sql = postgres(world.env['DATABASE_URL'] ?? '', { max: 1 });
afterAll(async () => {
  await world.close();
  await sql.end();
});

/** Publishes what it is told to, and answers as analytics does. */
const others = defineService({
  name: 'analytics',
  needs: ['nats'],
  setup({ nats, route }) {
    route('POST', '/publish/:subject', ({ params, body }) =>
      nats.publish(params['subject'] as Subject, body as PlatformEvents[Subject]),
    );
    route('GET', '/profiles/:id', () => ({ events: 3, minutes: 100, points: 70 }));
  },
});

const [api, bus] = [await world.start(service), await world.start(others)];
beforeAll(async () => {
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  await eventually(() => bus.get('/health/ready'), ({ status }) => status === 200);
});

async function person(): Promise<string> {
  const values = { kind: 'participant' as const, email: unusedName('j'), givenName: 'Ada', familyName: 'Berg' };
  const [one] = await database(sql).insert(profiles).values(values).returning();
  return one?.id ?? '';
}

test('events move a journey forward, never back, and notify once', async () => {
  const id = await person();
  const matched = { matchId: unusedName('m'), participantId: id, buddyId: id, buddyName: 'Berit' };
  const held = { sessionId: Math.floor(Math.random() * 1e9), matchId: 'm', participantId: id, buddyId: id, minutes: 20, heldAt: '' };
  // Late and twice, as events may come.
  await bus.post('/publish/session.held', held);
  await bus.post('/publish/session.held', held);
  await bus.post('/publish/buddy.matched', matched);
  await bus.post('/publish/profile.created', { profileId: id, companyId: null, kind: 'participant', name: 'Ada' });

  const { body: journey } = await eventually(() => api.get(`/journeys/${id}`), ({ body }) => body.steps?.length === 3);
  expect(journey.stage).toBe('active');
  expect(journey.steps.map((step: { stage: string }) => step.stage)).toEqual(['registered', 'matched', 'active']);

  const { body: news } = await eventually(() => api.get(`/notifications/${id}`), ({ body }) => body.unread === 3);
  const bodies = news.notifications.map((one: { body: string }) => one.body);
  expect(bodies).toContain('You talked for 20 minutes.');
  expect((await api.post(`/notifications/${id}/read`)).body).toEqual({ read: 3 });
  expect((await api.get(`/notifications/${id}`)).body.unread).toBe(0);
});

test('a journey that has not begun is a 404', async () => {
  expect((await api.get(`/journeys/${await person()}`)).status).toBe(404);
});

test('questions in plain words are answered from analytics', async () => {
  const profileId = await person();
  const ask = (question: string, as = profileId) => api.post('/nlq', { profileId, question }, { 'x-profile-id': as });
  expect((await ask('How many hours did I talk?')).body).toEqual({ metric: 'hours', value: 1.7, text: '1.7 hours so far.' });
  expect((await ask('What is the weather?')).status).toBe(422);
  expect((await ask('My points?', await person())).status).toBe(403);
});

test.each([
  ['how long was it', 'hours'],
  ['what is my impact', 'points'],
  ['how many sessions', 'conversations'],
  ['anything new', undefined],
])('%s: %s', (question, metric) => {
  expect(understand(question)).toBe(metric);
});

test('numbers are rounded for reading', () => {
  expect(answer('hours', { events: 0, minutes: 59, points: 0 }).value).toBe(1);
});
