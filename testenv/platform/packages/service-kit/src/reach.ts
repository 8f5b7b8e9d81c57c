/** Whether a service reaches the servers it needs, from where it runs and with its own secrets. */
import { createLogger, describe } from '@teei/logger';
import { openClients } from './clients.ts';
import { type Env, type Need, readConfig } from './config.ts';
import { createMetrics } from './metrics.ts';
import { ports } from './peers.ts';
import type { Service } from './service.ts';

/** How long a server may take to answer the first time. */
const patience = 10_000;

/** Asks every server once it is connected, and says how each answered, by its name and never by its address. */
export async function reach<N extends Need>(
  service: Service<N>,
  env: Env,
  say: (line: string) => void = (line) => console.log(line),
): Promise<boolean> {
  const config = readConfig(env, service.needs, ports[service.name]);
  const log = createLogger(service.name, { level: 'fatal' });
  const clients = openClients(service.name, service.needs, config, log, createMetrics(service.name, { process: false }));
  const answers = Object.entries(clients).map(async ([name, opened]) => {
    const problem = await reached(opened.ping);
    say(problem === undefined ? `${name} answers` : `${name} does not answer: ${problem}`);
    return problem === undefined;
  });
  const all = await Promise.all(answers);
  await Promise.allSettled(Object.values(clients).map((opened) => opened.close()));
  return all.every(Boolean);
}

/** Tries until there is an answer, and returns the last reason if there is none. */
async function reached(ping: () => Promise<unknown>): Promise<string | undefined> {
  const until = Date.now() + patience;
  let problem = '';
  while (Date.now() < until) {
    try {
      await ping();
      return undefined;
    } catch (error) {
      problem = describe(error);
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }
  return problem;
}
