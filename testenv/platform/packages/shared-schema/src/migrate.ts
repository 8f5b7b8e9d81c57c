/** Applies pending migrations to DATABASE_URL: `node dist/migrate.js`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createLogger, describe } from '@teei/logger';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as apply } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';

/** The SQL files and their journal, the same for sources and for dist. */
export const migrationsFolder = fileURLToPath(new URL('../migrations', import.meta.url));

// Any number that nobody else uses: two migrators at once wait for each other.
const lock = 5_733_417;

/** Applies what is pending, and returns how many migrations that was. */
export async function migrate(databaseUrl: string, folder = migrationsFolder): Promise<number> {
  // A single connection: the lock belongs to it, and so do the migrations.
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 10, onnotice: () => {} });
  try {
    await sql`select pg_advisory_lock(${lock})`;
    const before = await applied(sql);
    await apply(drizzle(sql), { migrationsFolder: folder });
    return (await applied(sql)) - before;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function applied(sql: postgres.Sql): Promise<number> {
  const [journal] = await sql<{ found: boolean }[]>`
    select to_regclass('drizzle.__drizzle_migrations') is not null as found`;
  if (journal?.found !== true) return 0;
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from drizzle.__drizzle_migrations`;
  return row?.n ?? 0;
}

async function main(): Promise<void> {
  const log = createLogger('migrate', { level: process.env['LOG_LEVEL'] });
  const url = process.env['DATABASE_URL'];
  if (url === undefined || url === '') {
    log.fatal('DATABASE_URL is not set');
    process.exitCode = 2;
    return;
  }
  try {
    const count = await migrate(url);
    log.info(count === 0 ? 'nothing to migrate' : 'migrated', { count });
  } catch (error) {
    // Drizzle wraps the server's error into one that only repeats the query.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    log.fatal(`migrate: ${describe(cause)}`, { error });
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
