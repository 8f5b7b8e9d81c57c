/** The life of a service as a process. */
import { createLogger, describe } from '@teei/logger';
import type { Need } from './config.ts';
import { reach } from './reach.ts';
import { type Running, type Service, start } from './service.ts';

/** Runs a service until it is told to stop, or with --reach only asks its servers. The whole of a main.ts. */
export async function run<N extends Need>(service: Service<N>): Promise<void> {
  if (process.argv.includes('--reach')) process.exit((await reach(service, process.env)) ? 0 : 1);
  const log = createLogger(service.name, { level: process.env['LOG_LEVEL'] });
  const die = (reason: string) => {
    log.fatal(reason);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => die(`uncaught: ${describe(error)}`));

  let running: Running | undefined;
  // Before the start: the first process of a container ignores signals it has no handler for.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info(`stopping on ${signal}`);
      void (running?.close() ?? Promise.resolve()).then(() => process.exit(0));
    });
  }
  try {
    running = await start(service, process.env, { process: true, onExit: die });
  } catch (error) {
    die(`start: ${describe(error)}`);
  }
}
