import { createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { defineService, type PlatformEvents } from '@teei/service-kit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
afterAll(() => world.close());

const heard: PlatformEvents['profile.created'][] = [];
const listener = defineService({
  name: 'journey',
  needs: ['nats'],
  setup: ({ nats }) => nats.on('profile.created', async (event) => void heard.push(await Promise.resolve(event))),
});

const [api, ears] = [await world.start(service), await world.start(listener)];
beforeAll(async () => {
  await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
  await eventually(() => ears.get('/health/ready'), ({ status }) => status === 200);
});

const person = () => ({
  kind: 'buddy',
  email: `${unusedName('Ada')}@Example.org`,
  givenName: ' Ada ',
  familyName: 'Berg',
  languages: ['English', 'norwegian'],
});

test('a profile is created, told of, found, changed and deleted', async () => {
  const given = person();
  const created = await api.post('/profiles', { ...given, company: 'teei', attributes: { shoe: 42 } });
  expect(created).toMatchObject({
    status: 201,
    body: { fullName: 'Ada Berg', languages: ['english', 'norwegian'], attributes: { shoe: 42 }, interests: [] },
  });
  const { id, companyId } = created.body;
  expect(companyId).toBeGreaterThan(0);
  await eventually(() => Promise.resolve(heard), (events) => events.some((event) => event.profileId === id));

  expect((await api.get(`/profiles?email=${given.email.toLowerCase()}`)).body.id).toBe(id);
  const changed = await api.patch(`/profiles/${id}`, { familyName: 'Dahl' });
  expect(changed.body).toMatchObject({ fullName: 'Ada Dahl', email: given.email });

  expect((await api.delete(`/profiles/${id}`)).status).toBe(204);
  expect((await api.get(`/profiles/${id}`)).status).toBe(404);
  expect((await api.patch(`/profiles/${id}`, { familyName: 'Eng' })).status).toBe(404);
  expect((await api.post('/profiles', given)).status).toBe(201);
});

test('an address belongs to one profile, however it is written', async () => {
  const given = person();
  expect((await api.post('/profiles', given)).status).toBe(201);
  expect((await api.post('/profiles', { ...given, email: given.email.toUpperCase() })).status).toBe(409);
});

test('an identity belongs to one profile', async () => {
  const [one, other] = [await api.post('/profiles', person()), await api.post('/profiles', person())];
  const identity = { provider: 'kintell', externalId: unusedName('id') };
  expect((await api.post(`/profiles/${one.body.id}/identities`, identity)).status).toBe(201);
  expect((await api.post(`/profiles/${other.body.id}/identities`, identity)).status).toBe(409);
  expect((await api.get(`/identities/kintell/${identity.externalId}`)).body.id).toBe(one.body.id);
  expect((await api.get('/identities/kintell/nobody')).status).toBe(404);
});

test.each([
  [{ email: 'nowhere' }, 'email: '],
  [{ kind: 'friend' }, 'kind: '],
  [{ givenName: '  ' }, 'givenName: '],
  [{ company: 'nowhere-inc' }, 'there is no company "nowhere-inc"'],
])('%j is refused', async (wrong, message) => {
  const answer = await api.post('/profiles', { ...person(), ...wrong });
  expect(answer.status).toBe(400);
  expect(answer.body.error).toContain(message);
});

test('what is no UUID does not exist', async () => {
  expect((await api.get('/profiles/1%20or%201')).status).toBe(404);
});
