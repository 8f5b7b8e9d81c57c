/** Whether a service is alive, and whether it can serve. */
import { describe, type Logger } from '@teei/logger';
import type { OpenedClients } from './clients.ts';
import type { Fault } from './faults.ts';
import { Reply } from './http.ts';
import type { Metrics } from './metrics.ts';

export interface Health {
  /** The answer to a probe or a scrape; undefined for other requests. */
  answer(method: string, path: string, metrics: Metrics): Promise<Reply | undefined>;
  prepare(work: () => Promise<void>, log: Logger): void;
  stop(): void;
  readonly stopping: boolean;
}

interface State {
  status: 'up' | 'down';
  ms?: number;
  error?: string;
}

export function createHealth(service: string, clients: OpenedClients, fault: Fault): Health {
  const begun = Date.now();
  let stopping = false;
  let preparing = 0;
  let problem = 'not done yet';

  const alive = (): Reply => {
    const broken = fault.kind === 'health-500';
    const uptime = Math.round((Date.now() - begun) / 1000);
    return new Reply(broken ? 500 : 200, { status: broken ? 'failed' : 'ok', service, uptime });
  };

  const ready = async (): Promise<Reply> => {
    const checks = Object.entries(clients).map(async ([name, opened]) => [name, await ask(opened.ping)] as const);
    const dependencies: Record<string, State> = Object.fromEntries(await Promise.all(checks));
    // Services without a database of their own can be broken the same way.
    if (fault.kind === 'no-database') {
      dependencies['postgres'] ??= { status: 'down', error: 'unreachable, as FAULT asks for' };
    }
    if (fault.kind === 'never-ready') dependencies['fault'] = { status: 'down', error: 'as FAULT asks for' };
    if (preparing > 0) dependencies['preparation'] = { status: 'down', error: problem };
    if (stopping) dependencies['shutdown'] = { status: 'down', error: 'the service is stopping' };
    const up = Object.values(dependencies).every((state) => state.status === 'up');
    return new Reply(up ? 200 : 503, { status: up ? 'ready' : 'unready', service, dependencies });
  };

  return {
    async answer(method, path, metrics) {
      if (method !== 'GET' && method !== 'HEAD') return undefined;
      if (path === '/health') return alive();
      if (path === '/health/ready') return ready();
      if (path !== '/metrics') return undefined;
      return new Reply(200, await metrics.registry.metrics(), { 'content-type': metrics.registry.contentType });
    },
    prepare(work, log) {
      preparing++;
      const attempt = async (): Promise<void> => {
        try {
          await work();
          preparing--;
        } catch (error) {
          problem = describe(error);
          log.warn(`prepare: ${problem}`);
          if (!stopping) setTimeout(() => void attempt(), 500).unref();
        }
      };
      void attempt();
    },
    stop: () => (stopping = true),
    get stopping() {
      return stopping;
    },
  };
}

/** Shorter than the time-out of the probes, so that an answer comes and names who is down. */
const patience = 1500;

async function ask(ping: () => Promise<unknown>): Promise<State> {
  const begun = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patience} ms`)), patience);
  });
  try {
    await Promise.race([ping(), late]);
    return { status: 'up', ms: Math.round(performance.now() - begun) };
  } catch (error) {
    return { status: 'down', error: describe(error) };
  } finally {
    clearTimeout(timer);
  }
}
