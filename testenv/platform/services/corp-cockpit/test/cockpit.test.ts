import { createHash } from 'node:crypto';
import { defineService, HttpError } from '@teei/service-kit';
import { client, createWorld } from '@teei/service-kit/testing';
import { afterAll, expect, test } from 'vitest';
import { service } from '../src/service.ts';

const world = createWorld();
afterAll(() => world.close());

let broken = false;
const gateway = defineService({
  name: 'api-gateway',
  needs: [],
  setup({ route }) {
    route('GET', '/api/platform', () => ({ status: 'up', services: [{ name: 'api-gateway', status: 'up' }] }));
    route('GET', '/api/analytics/summary', () => {
      if (broken) throw new HttpError(503, 'analytics cannot be reached');
      return { people: 2, minutes: 90 };
    });
  },
});

const cockpit = await world.start(service);
const visitor = client(cockpit.url);

test('the page allows its own script and style, and nothing else', async () => {
  const { body, headers, status } = await visitor.get('/');
  expect(status).toBe(200);
  const policy = headers.get('content-security-policy') ?? '';
  for (const tag of ['script', 'style']) {
    const text = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(String(body))?.[1] ?? '';
    expect(policy).toContain(createHash('sha256').update(text).digest('base64'));
  }
  expect(policy).toContain("default-src 'none'");
});

test('is up without the gateway, says so, and shows the platform once it is there', async () => {
  expect((await visitor.get('/health/ready')).status).toBe(200);
  world.env['API_GATEWAY_URL'] = 'http://127.0.0.1:3';
  expect((await visitor.get('/api/status')).status).toBe(503);

  delete world.env['API_GATEWAY_URL'];
  await world.start(gateway);
  expect((await visitor.get('/api/status')).body).toMatchObject({ status: 'up', impact: { people: 2 } });
  broken = true;
  expect((await visitor.get('/api/status')).body).toMatchObject({ status: 'up', impact: null });
});
