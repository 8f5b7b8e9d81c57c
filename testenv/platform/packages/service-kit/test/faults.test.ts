/** Every fault, in a process of its own, seen from outside. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failing, parseFault } from '../src/faults.ts';
import { client, eventually } from '../src/testing.ts';

const children: ChildProcess[] = [];

// Built as services are: a bundle starts in a fraction of the time its sources need.
const fixture = fileURLToPath(new URL('fixture/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'faults-'));
const main = join(folder, 'dist/main.js');
const build = fileURLToPath(new URL('../../../tools/build.ts', import.meta.url));

beforeAll(() => {
  const built = spawnSync(process.execPath, [build, '--bundle', fixture], { cwd: folder, encoding: 'utf8' });
  expect(built).toMatchObject({ status: 0, stderr: '' });
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const key = { 'x-api-key': 'an-api-key-of-tests' };

interface Line {
  level: string;
  message: string;
  port?: number;
}

function run(fault: string, more: Record<string, string> = {}) {
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: process.env['DATABASE_URL'],
    JWT_SECRET: 'a-signing-secret-of-tests',
    API_KEY: key['x-api-key'],
    PORT: '0',
    FAULT: fault,
    ...more,
  };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as Line);
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  children.push(child);
  const port = async () => {
    const heard = await eventually(
      () => Promise.resolve(lines.find((line) => line.message === 'listening')),
      (line) => line !== undefined,
      60_000,
    );
    return client(`http://127.0.0.1:${heard?.port}`, key);
  };
  return { child, lines, exit, port };
}

describe.concurrent('a service', () => {
  test('that nobody broke serves, and stops when asked', async () => {
    const one = run('');
    const api = await one.port();
    await eventually(() => api.get('/health/ready'), ({ status }) => status === 200);
    expect(await api.get('/one')).toMatchObject({ status: 200, body: { one: 1 } });
    one.child.kill('SIGTERM');
    expect(await one.exit).toBe(0);
    expect(one.lines.map((line) => line.message)).toContain('stopped');
  });

  test('stops only after it finished what it had begun', async () => {
    const one = run('', { SHUTDOWN_DELAY_MS: '500' });
    const api = await one.port();
    const answer = api.get('/late');
    await eventually(
      () => Promise.resolve(one.lines.some((line) => line.message === 'begun')),
      (begun) => begun,
    );
    one.child.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 200, body: { late: true } });
    expect(await one.exit).toBe(0);
  });

  test('exit', async () => {
    const one = run('exit');
    expect(await one.exit).toBe(1);
    expect(one.lines.at(-1)).toMatchObject({ level: 'fatal', message: 'start: exit, as FAULT asks for' });
  });

  test('exit-after', async () => {
    const one = run('exit-after:300ms');
    expect(await one.exit).toBe(1);
    expect(one.lines.map((line) => line.message).slice(-2)).toEqual(['listening', 'exit, as FAULT asks for']);
  });

  test('never-ready', async () => {
    const api = await run('never-ready').port();
    expect((await api.get('/health')).status).toBe(200);
    const ready = await eventually(() => api.get('/health/ready'), ({ body }) => body.dependencies.postgres.status === 'up');
    expect(ready).toMatchObject({ status: 503, body: { status: 'unready', dependencies: { fault: { status: 'down' } } } });
  });

  test('health-500', async () => {
    const api = await run('health-500').port();
    expect(await api.get('/health')).toMatchObject({ status: 500, body: { status: 'failed' } });
  });

  test('errors', async () => {
    const one = run('errors:0.3');
    const api = await one.port();
    const statuses = [];
    for (let i = 0; i < 20; i++) statuses.push((await api.get('/one')).status);
    expect(statuses.filter((status) => status === 500)).toHaveLength(6);
    const metrics = String((await api.get('/metrics')).body);
    expect(metrics).toContain('http_request_errors_total{method="GET",route="/one",status="500",service="journey"} 6');
    expect(metrics).toContain('http_requests_total{method="GET",route="/one",status="200",service="journey"} 14');
    expect(metrics).toMatch(/http_request_duration_seconds_count\{.*\} 20/);
  });

  test('error-logs', async () => {
    const one = run('error-logs');
    await one.port();
    await eventually(
      () => Promise.resolve(one.lines.filter((line) => line.level === 'error').length),
      (count) => count >= 3,
    );
  });

  test('slow-start', async () => {
    const begun = performance.now();
    await run('slow-start:1500ms').port();
    expect(performance.now() - begun).toBeGreaterThan(1500);
  });

  test('slow', async () => {
    const api = await run('slow:400ms').port();
    const begun = performance.now();
    await api.get('/one');
    expect(performance.now() - begun).toBeGreaterThan(395);
  });

  test('no-database', async () => {
    const api = await run('no-database').port();
    const ready = await api.get('/health/ready');
    expect(ready).toMatchObject({ status: 503, body: { dependencies: { postgres: { status: 'down' } } } });
    expect((await api.get('/one')).status).toBe(500);
  });

  test('says everything that is wrong with its environment', async () => {
    const one = run('', { DATABASE_URL: '', API_KEY: '', JWT_SECRET: 'short' });
    expect(await one.exit).toBe(1);
    expect(one.lines.at(-1)?.message).toBe(
      'start: read configuration: DATABASE_URL is not set, JWT_SECRET is shorter than 16 characters, API_KEY is not set',
    );
  });
});

describe('a fault', () => {
  test.each(['exits', 'exit-after', 'exit-after:soon', 'errors:1.5', 'errors', 'slow:800', 'exit:1'])('%s is refused', (text) => {
    expect(() => parseFault(text)).toThrow('is none of exit, exit-after:20s');
  });

  test.each([
    [0, 0],
    [0.3, 30],
    [0.5, 50],
    [1, 100],
  ])('of %d fails %i of 100', (share, count) => {
    const fails = failing(share);
    expect(Array.from({ length: 100 }, fails).filter(Boolean)).toHaveLength(count);
  });
});
