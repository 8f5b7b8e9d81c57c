/** Runs before any test: brings the database of the tests up to date. */
import { migrate } from '../packages/shared-schema/src/migrate.ts';

export default async function setup(): Promise<void> {
  const url = process.env['DATABASE_URL'];
  // Packages without a database are tested without one.
  if (url !== undefined && url !== '') await migrate(url);
}
