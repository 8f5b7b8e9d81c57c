/** What users do, through the gateway: of eleven services that are started here, or of
 * an environment, whose addresses are E2E_GATEWAY_URL and E2E_COCKPIT_URL. */
import { ports } from '@teei/service-kit';
import { type Client, type World, client, createWorld, eventually, unusedName } from '@teei/service-kit/testing';
import { service as analytics } from 'analytics';
import { service as gateway } from 'api-gateway';
import { service as buddies } from 'buddy-service';
import { service as cockpit } from 'corp-cockpit';
import { service as discord } from 'discord-bot';
import { service as impact } from 'impact-in';
import { service as journey } from 'journey';
import { service as q2q } from 'q2q-ai';
import { service as reporting } from 'reporting';
import { service as moderation } from 'safety-moderation';
import { service as profiles } from 'unified-profile';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const { E2E_GATEWAY_URL: there, E2E_COCKPIT_URL: cockpitThere } = process.env;
const world = there === undefined ? createWorld() : undefined;
let api: Client;
let page: Client;

beforeAll(async () => {
  [api, page] = world === undefined ? [client(there ?? ''), client(cockpitThere ?? '')] : await start(world);
  await eventually(
    () => api.get('/api/platform'),
    ({ body }) => body.services.every((s: { name: string; status: string }) => s.status === 'up'),
    60_000,
  );
});
afterAll(() => world?.close());

async function start(world: World): Promise<[Client, Client]> {
  // The gateway begins alone, as it does in a release.
  const [entry] = await Promise.all([
    world.start(gateway),
    world.start(profiles),
    world.start(buddies),
    world.start(q2q),
    world.start(moderation),
    world.start(analytics),
    world.start(journey),
    world.start(impact),
    world.start(discord),
    world.start(reporting),
  ]);
  // People come without the platform's key.
  return [client(entry.url), await world.start(cockpit)];
}

async function register(kind: string, more: object = {}) {
  const email = `${unusedName(kind)}@example.org`;
  const answer = await api.post('/api/profiles', { kind, email, givenName: 'Ada', familyName: 'Berg', ...more });
  expect(answer.status).toBe(201);
  return { id: answer.body.id as string, auth: { authorization: `Bearer ${answer.body.token}` }, email };
}

describe('a participant meets a buddy', () => {
  test('from registration to the report', async () => {
    const interest = unusedName('chess');
    const buddy = await register('buddy', { company: 'teei', languages: ['english'], interests: [interest] });
    const guest = await register('participant', { languages: ['english'], interests: [interest] });

    const match = await api.post('/api/matches', { participantId: guest.id }, guest.auth);
    expect(match).toMatchObject({ status: 201, body: { buddyId: buddy.id, score: 1, status: 'active' } });

    const held = await api.post(`/api/matches/${match.body.id}/sessions`, { minutes: 45 }, guest.auth);
    expect(held.status).toBe(201);

    await eventually(
      () => api.get(`/api/journeys/${guest.id}`, guest.auth),
      ({ body }) => body.stage === 'active',
    );
    const news = await eventually(
      () => api.get(`/api/notifications/${guest.id}`, guest.auth),
      ({ body }) => body.unread === 3,
    );
    expect(news.body.notifications.map((n: { subject: string }) => n.subject).sort()).toEqual([
      'A conversation',
      'Welcome',
      'You have a buddy',
    ]);

    const sums = await eventually(
      () => api.get(`/api/impact/${buddy.id}`, buddy.auth),
      ({ body }) => body.events === 1,
    );
    expect(sums.body).toMatchObject({ minutes: 45, points: 45 });
    await eventually(
      () => api.get(`/api/analytics/profiles/${buddy.id}`, buddy.auth),
      ({ body }) => body.minutes === 45,
    );
    const said = await api.post('/api/nlq', { profileId: buddy.id, question: 'How many hours is that?' }, buddy.auth);
    expect(said.body).toMatchObject({ metric: 'hours', value: 0.8 });

    const period = { company: 'teei', from: '2024-01-01', to: '2099-12-31' };
    const report = await api.post('/api/reports', period, buddy.auth);
    expect(report.status).toBe(201);
    // In an environment others meet as well.
    if (world !== undefined) expect(report.body.content.months).toMatchObject([{ people: 1, minutes: 45, points: 45 }]);
    expect(report.body.content.allTime.minutes).toBeGreaterThanOrEqual(45);

    const link = { userId: unusedName('user'), command: 'link', profileId: buddy.id };
    expect((await api.post('/api/discord/interactions', link, buddy.auth)).body.content).toContain('you are linked');
    const told = await api.post('/api/discord/interactions', { ...link, command: 'impact' }, buddy.auth);
    expect(told.body.content).toBe('45 points in 45 minutes.');
  });

  test('questions are screened, classified and answered', async () => {
    const guest = await register('participant');
    const ask = (text: string) => api.post('/api/questions', { profileId: guest.id, text }, guest.auth);
    const asked = await ask('Where can I find a job and learn Norwegian?');
    expect(asked).toMatchObject({ status: 201, body: { topics: ['language', 'work'] } });
    expect(await ask('Send me a gift card please')).toMatchObject({ status: 422, body: { error: 'not asked: money' } });
  });
});

describe('the gateway guards', () => {
  test('what belongs to somebody else', async () => {
    const [one, other] = [await register('buddy'), await register('buddy')];
    expect((await api.get(`/api/profiles/${one.id}`, one.auth)).status).toBe(200);
    expect((await api.get(`/api/profiles/${one.id}`, other.auth)).status).toBe(403);
    expect((await api.get(`/api/profiles/${one.id}`)).status).toBe(401);
  });

  test('sessions that were ended', async () => {
    const one = await register('buddy');
    expect((await api.delete('/api/sessions', one.auth)).status).toBe(204);
    expect((await api.get(`/api/profiles/${one.id}`, one.auth)).status).toBe(401);
    const key = { 'x-api-key': (world?.env ?? process.env)['API_KEY'] ?? '' };
    const again = await api.post('/api/sessions', { email: one.email }, key);
    const auth = { authorization: `Bearer ${again.body.token}` };
    expect((await api.get(`/api/profiles/${one.id}`, auth)).body.email).toBe(one.email);
  });
});

test('the cockpit shows every service', async () => {
  const html = await page.get('/');
  expect(html.headers.get('content-type')).toContain('text/html');
  expect(html.body).toContain('<h1>TEEI Corp Cockpit</h1>');
  const status = await page.get('/api/status');
  expect(status.body.services.map((s: { name: string }) => s.name)).toEqual(Object.keys(ports));
  expect(status.body.status).toBe('up');
  expect(status.body.impact).toHaveProperty('minutes');
});
