/**
 * Writes the migration that the schema still lacks: `pnpm db:generate`.
 * With --dry-run it prints that migration and leaves the folder as it is.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const migrations = join(root, 'migrations');
const args = process.argv.slice(2);
const dryRun = args.includes('--dry-run');

function generate(out: string): number {
  // drizzle-kit takes a folder relative to the package only.
  const env = { ...process.env, MIGRATIONS: relative(root, out) };
  const rest = args.filter((arg) => arg !== '--dry-run');
  return spawnSync('drizzle-kit', ['generate', ...rest], { cwd: root, env, stdio: 'inherit' }).status ?? 1;
}

function dry(): number {
  const scratch = mkdtempSync(join(root, '.migrations-'));
  try {
    cpSync(migrations, scratch, { recursive: true });
    const status = generate(scratch);
    const known = new Set(readdirSync(migrations));
    const pending = readdirSync(scratch).filter((file) => file.endsWith('.sql') && !known.has(file));
    for (const file of pending) console.log(`-- ${file}\n${readFileSync(join(scratch, file), 'utf8')}`);
    return status;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = dryRun ? dry() : generate(migrations);
