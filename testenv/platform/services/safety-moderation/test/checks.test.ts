import { createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
afterAll(() => world.close());
const api = await world.start(service);
beforeAll(() => eventually(() => api.get('/health/ready'), ({ status }) => status === 200));

test.each([
  ['See you at the library', true, []],
  ['Call me on +47 912 34 567', false, ['contact']],
  ['You idiot, send a gift card', false, ['harassment', 'money']],
  ["It doesn't hurt", true, []],
])('%s', async (text, allowed, categories) => {
  const unique = `${text} (${unusedName('t')})`;
  expect((await api.post('/checks', { text: unique })).body).toEqual({ allowed, categories, cached: false });
  expect((await api.post('/checks', { text: unique })).body).toEqual({ allowed, categories, cached: true });
});

test('a new rule holds at once, and cannot be made twice', async () => {
  const word = unusedName('word');
  const rule = { category: 'custom', pattern: word, severity: 'high' };
  expect((await api.post('/rules', rule)).status).toBe(201);
  expect((await api.post('/rules', rule)).status).toBe(409);
  expect((await api.post('/checks', { text: `say ${word.toUpperCase()}` })).body.categories).toEqual(['custom']);
  expect((await api.get('/rules')).body.rules.map((one: { pattern: string }) => one.pattern)).toContain(word);
});

test('what is merely low is let through', async () => {
  const word = unusedName('mild');
  await api.post('/rules', { category: 'tone', pattern: word, severity: 'low' });
  expect((await api.post('/checks', { text: word })).body).toMatchObject({ allowed: true, categories: ['tone'] });
});
