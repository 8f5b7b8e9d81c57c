/** What a service is, and starting one. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger, describe, type Logger } from '@teei/logger';
import { sameKey } from './auth.ts';
import { type Clients, openClients, type OpenedClients } from './clients.ts';
import { type Config, type Env, type Need, readConfig } from './config.ts';
import { failing, type Fault, parseFault } from './faults.ts';
import { createHealth, type Health } from './health.ts';
import {
  type Handler,
  HttpError,
  matchRoute,
  readBody,
  Reply,
  type Request,
  requestId,
  type Route,
  writeReply,
} from './http.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createPeers, type Peers, ports, type ServiceName } from './peers.ts';

/** What a service's routes and handlers work with: its clients by the names of its needs. */
export type Context<N extends Need = never> = Pick<Clients, N> & {
  env: Env;
  config: Config;
  log: Logger;
  peers: Peers;
  /** Handles requests to a path, such as GET /profiles/:id. Callers need the API key. */
  route: (method: string, path: string, handler: Handler) => void;
  /** The same for anybody. */
  open: (method: string, path: string, handler: Handler) => void;
  /** Work the service is not ready without. Tried again until it succeeds. */
  prepare: (work: () => Promise<void>) => void;
};

export interface Service<N extends Need = Need> {
  name: ServiceName;
  needs: readonly N[];
  setup(context: Context<N>): void;
}

export function defineService<const N extends Need = never>(service: Service<N>): Service<N> {
  return service;
}

export interface Running {
  url: string;
  config: Config;
  log: Logger;
  /** Stops taking requests, finishes those begun, and closes every client. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** Collect metrics of the process too. Only one service in a process can. */
  process?: boolean;
  /** Called when a fault ends the service. */
  onExit?: (reason: string) => void;
  /** Takes log lines instead of standard output. */
  write?: (line: string) => void;
}

/** Starts a service. It listens even while its servers are down, and says so at /health/ready. */
export async function start<N extends Need>(service: Service<N>, env: Env, options: StartOptions = {}): Promise<Running> {
  const fault = parseFault(env['FAULT']);
  const config = readConfig(faultyEnv(env, fault), service.needs, ports[service.name]);
  const { write } = options;
  const log = createLogger(service.name, { level: config.logLevel, ...(write === undefined ? {} : { write }) });
  if (fault.kind !== 'none') log.warn(`broken on purpose: FAULT=${env['FAULT']}`);
  if (fault.kind === 'exit') throw new Error('exit, as FAULT asks for');
  if (fault.kind === 'slow-start') await sleep(fault.ms);

  const metrics = createMetrics(service.name, { process: options.process ?? false });
  const clients = openClients(service.name, service.needs, config, log, metrics);
  const health = createHealth(service.name, clients, fault);
  const routes: Route[] = [];
  const context = {
    ...Object.fromEntries(Object.entries(clients).map(([name, opened]) => [name, opened.client])),
    env,
    config,
    log,
    peers: createPeers(env, config.apiKey),
    route: (method: string, path: string, handler: Handler) => routes.push({ method, path, handler, open: false }),
    open: (method: string, path: string, handler: Handler) => routes.push({ method, path, handler, open: true }),
    prepare: (work: () => Promise<void>) => health.prepare(work, log),
  } as unknown as Context<N>;
  service.setup(context);
  for (const route of routes) metrics.expect(route.method, route.path);

  const server = serve({ routes, health, metrics, config, log, fault });
  await listen(server, config.port);
  const { port } = server.address() as AddressInfo;
  log.info('listening', { port });
  const timers = startTimers(fault, log, options.onExit);

  let closing: Promise<void> | undefined;
  const close = () => (closing ??= stop({ server, health, clients, config, log, timers }));
  return { url: `http://127.0.0.1:${port}`, config, log, close };
}

/** The environment, in which a broken service finds no database. */
function faultyEnv(env: Env, fault: Fault): Env {
  return fault.kind === 'no-database' ? { ...env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } : env;
}

interface Serving {
  routes: Route[];
  health: Health;
  metrics: Metrics;
  config: Config;
  log: Logger;
  fault: Fault;
}

function serve({ routes, health, metrics, config, log, fault }: Serving): Server {
  const fails = failing(fault.kind === 'errors' ? fault.share : 0);

  const dispatch = async (request: Request, match: { route: Route }): Promise<Reply> => {
    if (fault.kind === 'slow') await sleep(fault.ms);
    if (fails()) throw new Error('failed, as FAULT asks for');
    const key = request.headers['x-api-key'];
    if (!match.route.open && !sameKey(typeof key === 'string' ? key : undefined, config.apiKey)) {
      throw new HttpError(401, 'the API key is missing or wrong');
    }
    const result = await match.route.handler(request);
    return result instanceof Reply ? result : new Reply(200, result);
  };

  return createServer((message, response) => {
    void (async () => {
      const begun = performance.now();
      const url = new URL(message.url ?? '/', 'http://service');
      const method = message.method ?? 'GET';
      const probe = await health.answer(method, url.pathname, metrics);
      if (probe !== undefined) return writeReply(response, probe);

      const id = requestId(message.headers);
      const requestLog = log.with({ requestId: id });
      let route = 'none';
      let reply: Reply;
      try {
        const match = matchRoute(routes, method, url.pathname);
        route = match.route.path;
        const profile = message.headers['x-profile-id'];
        const request: Request = {
          method,
          path: url.pathname,
          params: match.params,
          query: url.searchParams,
          headers: message.headers,
          remote: message.socket.remoteAddress ?? '',
          body: await readBody(message),
          id,
          profileId: typeof profile === 'string' ? profile : undefined,
          log: requestLog,
        };
        reply = await dispatch(request, match);
      } catch (error) {
        reply = failure(error, requestLog, `${method} ${route}`);
      }
      const seconds = (performance.now() - begun) / 1000;
      metrics.request(method, route, reply.status, seconds);
      requestLog.debug('request', { method, path: url.pathname, status: reply.status, seconds });
      if (health.stopping) response.shouldKeepAlive = false;
      response.setHeader('x-request-id', id);
      writeReply(response, reply);
    })().catch((error: unknown) => {
      log.error(`answer ${message.method} ${message.url}: ${describe(error)}`, { error });
      response.destroy();
    });
  });
}

function failure(error: unknown, log: Logger, what: string): Reply {
  if (error instanceof HttpError) {
    if (error.status >= 500) log.error(`${what}: ${error.message}`);
    return new Reply(error.status, { error: error.message });
  }
  log.error(`${what}: ${describe(cause(error))}`, { error: cause(error) });
  return new Reply(500, { error: 'internal error' });
}

/** The database's own error. Drizzle's wraps it, and repeats parameters, which are not for logs. */
function cause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function startTimers(fault: Fault, log: Logger, onExit: StartOptions['onExit']): NodeJS.Timeout[] {
  if (fault.kind === 'exit-after') {
    return [setTimeout(() => onExit?.('exit, as FAULT asks for'), fault.ms)];
  }
  if (fault.kind === 'error-logs') {
    return [setInterval(() => log.error('something went wrong, as FAULT asks for'), 250)];
  }
  return [];
}

interface Stopping {
  server: Server;
  health: Health;
  clients: OpenedClients;
  config: Config;
  log: Logger;
  timers: NodeJS.Timeout[];
}

async function stop({ server, health, clients, config, log, timers }: Stopping): Promise<void> {
  for (const timer of timers) clearInterval(timer);
  health.stop();
  // The cluster goes on sending requests for a moment after it asked us to stop.
  await sleep(config.shutdownDelay);
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const overdue = setTimeout(() => server.closeAllConnections(), 2000);
  await closed;
  clearTimeout(overdue);
  const results = await Promise.allSettled(Object.values(clients).map((opened) => opened.close()));
  for (const result of results) {
    if (result.status === 'rejected') log.warn(`close a client: ${describe(result.reason)}`);
  }
  log.info('stopped');
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
