/** Events between services, over NATS. */
import { connect, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { describe, type Logger } from '@teei/logger';
import { HttpError } from './http.ts';
import type { Metrics } from './metrics.ts';

/** Everything that services tell each other, by subject. */
export interface PlatformEvents {
  'profile.created': { profileId: string; companyId: number | null; kind: string; name: string };
  'buddy.matched': { matchId: string; participantId: string; buddyId: string; buddyName: string };
  'session.held': {
    sessionId: number;
    matchId: string;
    participantId: string;
    buddyId: string;
    minutes: number;
    heldAt: string;
  };
  'impact.recorded': {
    eventId: string;
    profileId: string;
    companyId: number | null;
    kind: string;
    minutes: number;
    points: number;
    occurredAt: string;
  };
  'content.flagged': { verdictId: number; categories: string[] };
}

export type Subject = keyof PlatformEvents;

export interface Events {
  publish<S extends Subject>(subject: S, event: PlatformEvents[S]): void;
  /** Each event goes to one instance of each service. Handlers may see an event twice. */
  on<S extends Subject>(subject: S, handler: (event: PlatformEvents[S]) => Promise<void>): void;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface EventsOptions {
  url: string;
  service: string;
  prefix: string;
  log: Logger;
  metrics: Metrics;
}

export function createEvents(options: EventsOptions): Events {
  const { log, metrics, prefix, service } = options;
  let connection: NatsConnection | undefined;
  let closed = false;
  const waiting: Array<(nc: NatsConnection) => void> = [];
  const running = new Set<Promise<void>>();

  // The service starts without NATS and says so in its readiness.
  const connected = connectForever(options, () => closed).then((nc) => {
    connection = nc;
    for (const subscribe of waiting) subscribe(nc);
    return nc;
  });

  const live = (): NatsConnection => {
    if (connection === undefined || connection.isClosed()) throw new HttpError(503, 'NATS cannot be reached');
    return connection;
  };

  const consume = async (subscription: Subscription, subject: Subject, handler: (event: never) => Promise<void>) => {
    for await (const message of subscription) {
      const work = (async () => {
        try {
          await handler(message.json<never>());
          metrics.event(subject, 'handled');
        } catch (error) {
          metrics.event(subject, 'failed');
          log.error(`handle ${subject}: ${describe(error)}`, { error });
        }
      })();
      running.add(work);
      void work.finally(() => running.delete(work));
    }
  };

  return {
    publish(subject, event) {
      live().publish(`${prefix}.${subject}`, JSON.stringify(event));
    },
    on(subject, handler) {
      const subscribe = (nc: NatsConnection) => {
        const subscription = nc.subscribe(`${prefix}.${subject}`, { queue: service });
        void consume(subscription, subject, handler);
      };
      if (connection === undefined) waiting.push(subscribe);
      else subscribe(connection);
    },
    async ping() {
      await live().flush();
    },
    async close() {
      closed = true;
      if (connection === undefined || connection.isClosed()) return;
      await connection.drain();
      await Promise.allSettled(running);
      await connected;
    },
  };
}

async function connectForever(options: EventsOptions, closed: () => boolean): Promise<NatsConnection> {
  const url = new URL(options.url);
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  for (;;) {
    try {
      return await connect({
        servers: url.host,
        name: options.service,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        timeout: 2000,
        // A user without a password is a token.
        ...(user === '' ? {} : pass === '' ? { token: user } : { user, pass }),
        ...(url.protocol === 'tls:' ? { tls: {} } : {}),
      });
    } catch (error) {
      if (closed()) return new Promise<never>(() => {});
      options.log.warn(`connect to NATS: ${describe(error)}`);
      await new Promise((resolve) => setTimeout(resolve, 500).unref());
    }
  }
}
