/** The servers a service talks to: opened in the background, asked for its readiness, closed at its end. */
import { createClient } from '@redis/client';
import { describe, type Logger } from '@teei/logger';
import postgres from 'postgres';
import { ClickHouse } from './clickhouse.ts';
import type { Config, Need } from './config.ts';
import { createEvents, type Events } from './events.ts';
import type { Metrics } from './metrics.ts';

export type Redis = ReturnType<typeof openRedis>;

/** What a handler finds in its context for each need. */
export interface Clients {
  postgres: postgres.Sql;
  redis: Redis;
  nats: Events;
  clickhouse: ClickHouse;
}

interface Opened<C> {
  client: C;
  ping: () => Promise<unknown>;
  close: () => Promise<unknown>;
}

export type OpenedClients = { [N in Need]?: Opened<Clients[N]> };

export function openClients(
  service: string,
  needs: readonly Need[],
  config: Config,
  log: Logger,
  metrics: Metrics,
): OpenedClients {
  const opened: OpenedClients = {};
  for (const need of needs) {
    const url = config.urls[need] ?? '';
    if (need === 'postgres') opened.postgres = openPostgres(url, service);
    if (need === 'redis') opened.redis = watchRedis(openRedis(url), log);
    if (need === 'clickhouse') {
      const client = new ClickHouse(url, config.clickhouseDatabase);
      opened.clickhouse = { client, ping: () => client.ping(), close: () => Promise.resolve() };
    }
    if (need === 'nats') {
      const client = createEvents({ url, service, prefix: config.natsPrefix, log, metrics });
      opened.nats = { client, ping: () => client.ping(), close: () => client.close() };
    }
  }
  return opened;
}

function openPostgres(url: string, service: string): Opened<postgres.Sql> {
  const client = postgres(url, {
    max: 5,
    idle_timeout: 60,
    connect_timeout: 3,
    backoff: () => 0.25,
    connection: { application_name: service },
    onnotice: () => {},
  });
  return { client, ping: () => client`select 1`, close: () => client.end({ timeout: 3 }) };
}

function openRedis(url: string) {
  return createClient({
    url,
    // Fail at once while there is no connection, instead of queueing for ever.
    disableOfflineQueue: true,
    socket: { connectTimeout: 2000, reconnectStrategy: (tries) => Math.min(tries * 100, 1000) },
  });
}

function watchRedis(client: Redis, log: Logger): Opened<Redis> {
  let last = '';
  client.on('error', (error: unknown) => {
    // It reports every attempt; once for each reason is enough.
    if (describe(error) !== last) log.warn(`connect to Redis: ${describe(error)}`);
    last = describe(error);
  });
  client.on('ready', () => (last = ''));
  void client.connect().catch(() => {});
  const close = async () => (client.isReady ? client.close() : client.destroy());
  return { client, ping: () => client.ping(), close };
}
