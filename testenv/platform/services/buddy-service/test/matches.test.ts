import { defineService, type PlatformEvents } from '@teei/service-kit';
import { createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { database, profiles } from '@teei/shared-schema';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
afterAll(() => world.close());

const heard: { matched: PlatformEvents['buddy.matched'][]; held: PlatformEvents['session.held'][] } = { matched: [], held: [] };

/** The owner of profiles, as far as matching asks it; and an ear for events. */
const people = defineService({
  name: 'unified-profile',
  needs: ['postgres', 'nats'],
  setup({ nats, postgres, route }) {
    const db = database(postgres);
    nats.on('buddy.matched', async (event) => void heard.matched.push(await Promise.resolve(event)));
    nats.on('session.held', async (event) => void heard.held.push(await Promise.resolve(event)));
    route('POST', '/profiles', async ({ body }) => {
      const [one] = await db.insert(profiles).values(body as typeof profiles.$inferInsert).returning();
      return one;
    });
    route('GET', '/profiles/:id', async ({ params }) => {
      const [one] = await db.select().from(profiles).where(eq(profiles.id, params['id'] ?? ''));
      return one;
    });
  },
});

const [api, owner] = [await world.start(service), await world.start(people)];
beforeAll(async () => {
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  await eventually(() => owner.get('/health/ready'), ({ status }) => status === 200);
});

async function person(kind: string, interests: string[] = []): Promise<string> {
  const email = `${unusedName(kind)}@example.org`;
  const name = { givenName: 'Ada', familyName: 'Berg' };
  return (await owner.post('/profiles', { kind, email, ...name, interests, languages: ['english'] })).body.id;
}

test('the buddy who suits best is found, once, and everybody hears of it', async () => {
  const hobby = unusedName('hobby');
  const [guest, buddy] = [await person('participant', [hobby]), await person('buddy', [hobby])];
  await person('buddy');
  const match = await api.post('/matches', { participantId: guest });
  expect(match).toMatchObject({ status: 201, body: { buddyId: buddy, score: 1, status: 'active' } });
  await eventually(() => Promise.resolve(heard.matched), (all) => all.some((event) => event.matchId === match.body.id));
  expect(await api.post('/matches', { participantId: guest })).toMatchObject({
    status: 409,
    body: { error: 'this participant has a buddy already' },
  });
});

test('conversations belong to a match that is active', async () => {
  const [guest, buddy] = [await person('participant'), await person('buddy')];
  const { body: match } = await api.post('/matches', { participantId: guest, buddyId: buddy });
  expect(match.buddyId).toBe(buddy);
  expect((await api.post(`/matches/${match.id}/sessions`, { minutes: 0 })).status).toBe(400);
  const session = await api.post(`/matches/${match.id}/sessions`, { minutes: 30, feedback: 'Good.' });
  expect(session.status).toBe(201);
  const [event] = await eventually(
    () => Promise.resolve(heard.held.filter((one) => one.sessionId === session.body.id)),
    (all) => all.length > 0,
  );
  expect(event).toMatchObject({ participantId: guest, buddyId: buddy, minutes: 30 });

  await api.patch(`/matches/${match.id}`, { status: 'ended' });
  expect((await api.post(`/matches/${match.id}/sessions`, { minutes: 30 })).status).toBe(409);
  expect((await api.get(`/matches/${match.id}`)).body).toMatchObject({ status: 'ended', sessions: [{ minutes: 30 }] });
  // The next match can begin.
  expect((await api.post('/matches', { participantId: guest, buddyId: buddy })).status).toBe(201);
});

test('only participants are given a buddy', async () => {
  expect((await api.post('/matches', { participantId: await person('buddy') })).status).toBe(400);
});
