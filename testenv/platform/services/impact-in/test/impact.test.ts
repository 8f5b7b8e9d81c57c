import { defineService, type PlatformEvents } from '@teei/service-kit';
import { createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { companies, database, profiles } from '@teei/shared-schema';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { points } from '../src/points.ts';
import { service } from '../src/service.ts';

const world = createWorld();
const sql = postgres(world.env['DATABASE_URL'] ?? '', { max: 1 });
const db = database(sql);
afterAll(async () => {
  await world.close();
  await sql.end();
});

const heard: PlatformEvents['impact.recorded'][] = [];
const other = defineService({
  name: 'buddy-service',
  needs: ['nats'],
  setup({ nats, route }) {
    nats.on('impact.recorded', async (event) => void heard.push(await Promise.resolve(event)));
    route('POST', '/held', ({ body }) => nats.publish('session.held', body as PlatformEvents['session.held']));
  },
});

const [api, events] = [await world.start(service), await world.start(other)];
beforeAll(async () => {
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  await eventually(() => events.get('/health/ready'), ({ status }) => status === 200);
});

async function person(): Promise<string> {
  const [company] = await db.insert(companies).values({ slug: unusedName('co'), name: 'Co' }).returning();
  const values = { kind: 'buddy' as const, email: unusedName('i'), givenName: 'Ada', familyName: 'Berg' };
  const [one] = await db.insert(profiles).values({ ...values, companyId: company!.id }).returning();
  return one?.id ?? '';
}

test('a conversation counts once for each of the two, however often it is told', async () => {
  const [buddyId, participantId] = [await person(), await person()];
  const held = { sessionId: 7, matchId: unusedName('m'), buddyId, participantId, minutes: 60, heldAt: '2026-03-01T10:00:00.000Z' };
  await events.post('/held', held);
  await events.post('/held', held);
  const { body } = await eventually(() => api.get(`/impact/${buddyId}`), (answer) => answer.body.events === 1);
  expect(body).toMatchObject({ minutes: 60, points: 60, recent: [{ kind: 'volunteering', companyId: expect.any(Number) }] });
  await eventually(() => api.get(`/impact/${participantId}`), (answer) => answer.body.points === 20);
  await eventually(() => Promise.resolve(heard), (all) => all.filter((event) => event.profileId === buddyId).length === 1);
});

test('partners tell of what happened elsewhere', async () => {
  const profileId = await person();
  const event = { source: 'benevity', sourceId: unusedName('e'), profileId, kind: 'donation', minutes: 0 };
  const at = { occurredAt: '2024-12-31T23:59:59.000Z' };
  expect(await api.post('/events', { ...event, ...at })).toMatchObject({ status: 201, body: { recorded: true } });
  expect(await api.post('/events', { ...event, ...at })).toMatchObject({ status: 200, body: { recorded: false } });
  expect((await api.get(`/impact/${profileId}`)).body).toMatchObject({ events: 1, points: 25 });
  expect((await api.post('/events', { ...event, ...at, source: 'unknown' })).status).toBe(400);
});

test('who did nothing has done nothing', async () => {
  const profileId = await person();
  expect((await api.get(`/impact/${profileId}`)).body).toEqual({ profileId, events: 0, minutes: 0, points: 0, recent: [] });
});

test.each([
  ['volunteering', 45, 45],
  ['participation', 45, 15],
  ['training', 90, 60],
  ['donation', 0, 25],
  ['else', 60, 10],
])('%s for %i minutes is worth %i', (kind, minutes, worth) => {
  expect(points(kind, minutes)).toBe(worth);
});
