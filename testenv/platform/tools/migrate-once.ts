/** Runs before any test: brings the database of the tests up to date. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export default function setup(): void {
  const url = process.env['DATABASE_URL'];
  // Packages without a database are tested without one.
  if (url === undefined || url === '') return;
  // A process of its own: vitest resolves what this file imports without the
  // conditions of its configuration, so to builds that need not exist.
  const root = join(import.meta.dirname, '..');
  const migrate = join('packages', 'shared-schema', 'src', 'migrate.ts');
  execFileSync(process.execPath, ['--conditions=teei-source', migrate], { cwd: root, stdio: 'inherit' });
}
