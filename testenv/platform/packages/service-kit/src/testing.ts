/** Services in tests: real ones, on ports of their own, with corners of their own in the shared servers. */
import { randomBytes } from 'node:crypto';
import { ClickHouse } from './clickhouse.ts';
import { type Env, type Need, variables } from './config.ts';
import type { ServiceName } from './peers.ts';
import { type Running, type Service, start, type StartOptions } from './service.ts';

export interface Answer {
  status: number;
  // Tests say what they expect of it, so its shape is theirs.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
  headers: Headers;
}

export interface Client {
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  patch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  delete(path: string, headers?: Record<string, string>): Promise<Answer>;
}

export interface World {
  env: Env;
  /** Starts a service that finds all others of this world, whichever starts first. */
  start<N extends Need>(service: Service<N>, env?: Env, options?: StartOptions): Promise<Running & Client>;
  /** Stops all of them. Call it in afterAll. */
  close(): Promise<void>;
}

/** A corner of the servers named in the environment, for one test file. */
export function createWorld(): World {
  for (const name of Object.values(variables)) {
    if ((process.env[name] ?? '') === '') throw new Error(`${name} is not set: tests run against real servers`);
  }
  const unique = unusedName('test');
  const env: Env = {
    JWT_SECRET: 'a-signing-secret-that-only-tests-use',
    API_KEY: 'an-api-key-that-only-tests-use',
    LOG_LEVEL: 'fatal',
    ...Object.fromEntries(Object.values(variables).map((name) => [name, process.env[name]])),
    CLICKHOUSE_URL: withoutDatabase(process.env['CLICKHOUSE_URL'] ?? ''),
    NATS_PREFIX: unique,
    CLICKHOUSE_DATABASE: unique,
    PORT: '0',
  };
  const running: Running[] = [];
  return {
    env,
    async start(service, extra = {}, options = {}) {
      // Not a copy: addresses of services started later show through.
      const own = Object.assign(Object.create(env) as Env, extra);
      const one = await start(service, own, options);
      running.push(one);
      env[urlVariable(service.name)] ??= one.url;
      return { ...one, ...client(one.url, { 'x-api-key': one.config.apiKey }) };
    },
    async close() {
      for (const one of running.reverse()) await one.close();
      await new ClickHouse(env['CLICKHOUSE_URL'] ?? '', unique).drop();
    },
  };
}

/** An address that names no database: a world has one of its own, and drops it in the end. */
function withoutDatabase(address: string): string {
  const url = new URL(address);
  url.pathname = '/';
  url.searchParams.delete('database');
  return url.href;
}

/** The variable that tells a service's peers where it is. */
export function urlVariable(name: ServiceName): string {
  return `${name.toUpperCase().replaceAll('-', '_')}_URL`;
}

/** A name nobody else uses: suites run side by side on the same servers. */
export function unusedName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}

export function client(url: string, always: Record<string, string> = {}): Client {
  const send = async (method: string, path: string, body: unknown, headers: Record<string, string>) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...always, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, body: json ? (JSON.parse(text) as unknown) : text, headers: response.headers };
  };
  return {
    get: (path, headers = {}) => send('GET', path, undefined, headers),
    post: (path, body, headers = {}) => send('POST', path, body, headers),
    patch: (path, body, headers = {}) => send('PATCH', path, body, headers),
    delete: (path, headers = {}) => send('DELETE', path, undefined, headers),
  };
}

/** Asks again until the answer is what is waited for. For what becomes true later. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean, ms = 45_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not true within ${ms} ms; last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
