import { randomUUID } from 'node:crypto';
import { defineService, HttpError, type PlatformEvents } from '@teei/service-kit';
import { createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { database, profiles } from '@teei/shared-schema';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
const sql = postgres(world.env['DATABASE_URL'] ?? '', { max: 1 });
afterAll(async () => {
  await world.close();
  await sql.end();
});

const known = new Set<string>();
const people = defineService({
  name: 'unified-profile',
  needs: ['nats'],
  setup({ nats, route }) {
    route('GET', '/profiles/:id', ({ params }) => {
      if (!known.has(params['id'] ?? '')) throw new HttpError(404, 'there is no such profile');
      return { givenName: 'Ada' };
    });
    route('POST', '/matched', ({ body }) => nats.publish('buddy.matched', body as PlatformEvents['buddy.matched']));
  },
});
const impact = defineService({
  name: 'impact-in',
  needs: [],
  setup: ({ route }) => route('GET', '/impact/:id', () => ({ minutes: 90, points: 80 })),
});

const [api, owner] = [await world.start(service), await world.start(people)];
beforeAll(async () => {
  await world.start(impact);
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  await eventually(() => owner.get('/health/ready'), ({ status }) => status === 200);
});

async function person(): Promise<string> {
  const values = { kind: 'buddy' as const, email: unusedName('d'), givenName: 'Ada', familyName: 'Berg' };
  const [one] = await database(sql).insert(profiles).values(values).returning();
  known.add(one?.id ?? '');
  return one?.id ?? '';
}

const say = (userId: string, command: string, more: object = {}) => api.post('/interactions', { userId, command, ...more });

test('an account is linked, asks for its impact, and is unlinked', async () => {
  const userId = unusedName('user');
  expect((await say(userId, 'impact')).body.error).toBe('link your profile first');
  const linked = await say(userId, 'link', { profileId: await person() });
  expect(linked.body.content).toBe('Hello Ada, you are linked.');
  expect((await say(userId, 'impact')).body.content).toBe('80 points in 90 minutes.');
  expect((await say(userId, 'unlink')).status).toBe(200);
  expect((await say(userId, 'impact')).status).toBe(404);
});

test('only a profile that exists, and only by its owner', async () => {
  const userId = unusedName('user');
  expect((await say(userId, 'link')).status).toBe(400);
  const nobody = await say(userId, 'link', { profileId: randomUUID() });
  expect(nobody).toMatchObject({ status: 404, body: { error: 'unified-profile: there is no such profile' } });
  const link = { userId, command: 'link', profileId: await person() };
  expect((await api.post('/interactions', link, { 'x-profile-id': randomUUID() })).status).toBe(403);
});

test('too many commands are refused', async () => {
  const userId = unusedName('user');
  const statuses = await Promise.all(Array.from({ length: 45 }, () => say(userId, 'impact').then(({ status }) => status)));
  // The minute may change in between, once.
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(5);
});

test('matches are news for the channel', async () => {
  const matchId = unusedName('match');
  await owner.post('/matched', { matchId, participantId: 'p', buddyId: 'b', buddyName: 'Berit' });
  await eventually(
    () => api.get('/messages/matches'),
    ({ body }) => body.messages.some((one: { payload: { matchId: string } }) => one.payload.matchId === matchId),
  );
});
