import { defineService } from '@teei/service-kit';
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

/** Forbids one word. */
const moderation = defineService({
  name: 'safety-moderation',
  needs: [],
  setup: ({ route }) =>
    route('POST', '/checks', ({ body }) => {
      const bad = (body as { text: string }).text.includes('forbidden');
      return { allowed: !bad, categories: bad ? ['test'] : [] };
    }),
});

const api = await world.start(service);
beforeAll(async () => {
  await world.start(moderation);
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
});

async function person(): Promise<string> {
  const values = { kind: 'participant' as const, email: unusedName('q'), givenName: 'Ada', familyName: 'Berg' };
  const [one] = await database(sql).insert(profiles).values(values).returning();
  return one?.id ?? '';
}

test('a question is classified, kept, and answered from one like it', async () => {
  const word = unusedName('word');
  const text = `How do I learn ${word} at university?`;
  const first = await api.post('/questions', { profileId: await person(), text });
  expect(first).toMatchObject({ status: 201, body: { topics: ['language', 'study'] } });
  const second = await api.post('/questions', { profileId: await person(), text: `${text}!` });
  expect(second.body.answer.body).toContain(word);
  expect(second.body.answer.confidence).toBeGreaterThan(0.9);
  const kept = await api.get(`/questions/${second.body.id}`);
  expect(kept.body).toMatchObject({ body: `${text}!`, answers: [{ id: second.body.answer.id }] });
});

test('what moderation refuses is not asked', async () => {
  const answer = await api.post('/questions', { profileId: await person(), text: 'a forbidden question' });
  expect(answer).toMatchObject({ status: 422, body: { error: 'not asked: test' } });
});

test('people ask for themselves, one question at a time', async () => {
  const profileId = await person();
  const question = { profileId, text: 'Where is the library?' };
  const other = await api.post('/questions', question, { 'x-profile-id': await person() });
  expect(other.status).toBe(403);
  const many = await Promise.all(Array.from({ length: 5 }, () => api.post('/questions', question)));
  expect([...new Set(many.map(({ status }) => status))].sort()).toEqual([201, 429]);
});

test('an unknown question does not exist', async () => {
  for (const id of ['0', 'x', '1e99']) expect((await api.get(`/questions/${id}`)).status).toBe(404);
});
