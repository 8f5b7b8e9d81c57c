/** The platform's tables, and a way to query them. */
import { drizzle } from 'drizzle-orm/postgres-js';
import type { Sql } from 'postgres';
import * as schema from './schema/index.ts';

export * from './schema/index.ts';

export type Database = ReturnType<typeof database>;

/** Typed queries over a connection pool that the caller owns. */
export function database(sql: Sql) {
  return drizzle(sql, { schema });
}
