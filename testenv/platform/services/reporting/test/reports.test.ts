import { randomUUID } from 'node:crypto';
import { ClickHouse } from '@teei/service-kit';
import { createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { companies, database, impactEvents, profiles } from '@teei/shared-schema';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
const sql = postgres(world.env['DATABASE_URL'] ?? '', { max: 1 });
const db = database(sql);
const clickhouse = new ClickHouse(world.env['CLICKHOUSE_URL'] ?? '', world.env['CLICKHOUSE_DATABASE'] ?? '');
afterAll(async () => {
  await world.close();
  await sql.end();
});

const api = await world.start(service);
beforeAll(() => eventually(() => api.get('/health/ready'), ({ status }) => status === 200));

/** A company with two people, and what each did on a day. */
async function company(...days: string[]) {
  const slug = unusedName('co');
  const [{ id } = { id: 0 }] = await db.insert(companies).values({ slug, name: 'Nordic Co' }).returning();
  for (const day of days) {
    const values = { kind: 'buddy' as const, email: unusedName('r'), givenName: 'Ada', familyName: 'Berg', companyId: id };
    const [one] = await db.insert(profiles).values(values).returning();
    const event = { profileId: one!.id, companyId: id, source: 'test', sourceId: randomUUID(), kind: 'volunteering' };
    await db.insert(impactEvents).values({ ...event, minutes: 60, points: 60, occurredAt: new Date(`${day}T10:00:00Z`) });
    await clickhouse.insert('impact', [
      {
        event_id: randomUUID(),
        occurred_at: Date.parse(`${day}T10:00:00Z`) / 1000,
        profile_id: one!.id,
        company_id: id,
        kind: 'volunteering',
        minutes: 60,
        points: 60,
      },
    ]);
  }
  return slug;
}

test('a report holds the months of its period, and the sums of all time', async () => {
  const slug = await company('2025-01-10', '2025-01-20', '2025-03-05', '2026-02-01');
  const made = await api.post('/reports', { company: slug, from: '2025-01-01', to: '2025-12-31' });
  expect(made).toMatchObject({ status: 201, body: { status: 'draft', periodDays: 365 } });
  expect(made.body.content).toEqual({
    company: 'Nordic Co',
    allTime: { volunteers: 4, minutes: 240, points: 240 },
    months: [
      { month: 202501, people: 2, minutes: 120, points: 120 },
      { month: 202503, people: 1, minutes: 60, points: 60 },
    ],
  });
  expect((await api.post(`/reports/${made.body.id}/publish`)).body.status).toBe('published');
  expect((await api.get(`/reports/${made.body.id}`)).body).toMatchObject({ status: 'published', content: made.body.content });
});

test('a company that did nothing gets an honest report', async () => {
  const { body } = await api.post('/reports', { company: await company(), from: '2025-01-01', to: '2025-01-31' });
  expect(body.content).toMatchObject({ allTime: { volunteers: 0, minutes: 0 }, months: [] });
});

test.each([
  [{ company: 'nobody-inc' }, 404, 'there is no company "nobody-inc"'],
  [{ from: '2026-01-01' }, 400, 'from is later than to'],
  [{ to: 'soon' }, 400, 'to: '],
])('%j is refused', async (wrong, status, message) => {
  const answer = await api.post('/reports', { company: 'teei', from: '2025-01-01', to: '2025-01-31', ...wrong });
  expect(answer.status).toBe(status);
  expect(answer.body.error).toContain(message);
});

test('a report that was never made does not exist', async () => {
  expect((await api.get(`/reports/${randomUUID()}`)).status).toBe(404);
  expect((await api.post(`/reports/${randomUUID()}/publish`)).status).toBe(404);
});
