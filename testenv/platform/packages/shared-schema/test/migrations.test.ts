/** The migrations, on an empty database of their own. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { database, impactEvents, impactTotals, profiles } from '../src/index.ts';
import { migrate, migrationsFolder } from '../src/migrate.ts';

const server = process.env['DATABASE_URL'];
if (server === undefined) throw new Error('DATABASE_URL is not set: tests run against a real server');

const name = `migrations_${randomBytes(6).toString('hex')}`;
const url = new URL(server);
url.pathname = `/${name}`;

const admin = postgres(server, { max: 1 });
let sql: postgres.Sql;

beforeAll(async () => {
  await admin.unsafe(`create database ${name}`);
  expect(await migrate(url.href)).toBe(readdirSync(migrationsFolder).filter((file) => file.endsWith('.sql')).length);
  sql = postgres(url.href, { max: 2 });
});
afterAll(async () => {
  await sql.end();
  // Not by force: that is refused to who may not end an autovacuum that is at work there.
  await admin.unsafe(`drop database ${name}`);
  await admin.end();
});

const person = { kind: 'buddy' as const, givenName: 'Ada', familyName: 'Berg' };

describe('after all migrations', () => {
  test('a second run finds nothing', async () => {
    expect(await migrate(url.href)).toBe(0);
  });

  test('two runs at once wait for each other', async () => {
    expect(await Promise.all([migrate(url.href), migrate(url.href)])).toEqual([0, 0]);
  });

  test('everything is there', async () => {
    const kinds = await sql<{ kind: string; count: number }[]>`
      select relkind::text as kind, count(*)::int as count from pg_class
      where relnamespace = 'public'::regnamespace and not relispartition group by relkind`;
    const count = Object.fromEntries(kinds.map((row) => [row.kind, row.count]));
    // Tables, partitioned tables, materialized views.
    expect(count).toMatchObject({ r: 17, p: 1, m: 1 });
    const keyless = await sql<{ name: string }[]>`
      select relname as name from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace
      and not exists (select from pg_constraint where conrelid = c.oid and contype = 'p')`;
    expect(keyless.map((row) => row.name)).toEqual(['audit_log']);
  });

  test('a name is put together by the database, and an address is taken until its owner leaves', async () => {
    const db = database(sql);
    const add = (email: string) => db.insert(profiles).values({ ...person, email }).returning();
    const [ada] = await add('ada@example.org');
    expect(ada?.fullName).toBe('Ada Berg');
    await expect(add('ADA@example.org')).rejects.toMatchObject({ cause: { constraint_name: 'profiles_email_live' } });
    await sql`update profiles set deleted_at = now() where id = ${ada?.id ?? ''}`;
    await expect(add('ada@example.org')).resolves.toHaveLength(1);
    const log = await sql`select operation, changed from audit_log where row_key = ${ada?.id ?? ''} order by at`;
    expect(log.map((row) => row['operation'])).toEqual(['insert', 'update']);
    expect(Object.keys(log[1]?.['changed'] as object)).toEqual(['deleted_at']);
  });

  test('impact goes to the partition of its year, and into the sums', async () => {
    const db = database(sql);
    const [buddy] = await db.insert(profiles).values({ ...person, email: 'sums@example.org' }).returning();
    const event = { profileId: buddy?.id ?? '', source: 'test', kind: 'volunteering', minutes: 30, points: 30 };
    for (const year of [2023, 2024, 2026]) {
      await db.insert(impactEvents).values({ ...event, sourceId: `${year}`, occurredAt: new Date(`${year}-05-01Z`) });
    }
    const where = await sql`select tableoid::regclass::text as part from impact_events order by occurred_at`;
    expect(where.map((row) => row['part'])).toEqual(['impact_events_other', 'impact_events_2024', 'impact_events_2026']);
    expect(await db.select().from(impactTotals)).toMatchObject([{ events: 3, minutes: 90, points: 90 }]);
  });
});

test('a migration that fails half-way leaves the database as it was', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'));
  try {
    cpSync(migrationsFolder, folder, { recursive: true });
    const journal = join(folder, 'meta/_journal.json');
    const entries = JSON.parse(readFileSync(journal, 'utf8')) as { entries: { idx: number; when: number; tag: string }[] };
    const last = entries.entries.at(-1)!;
    entries.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: '9999_broken' });
    writeFileSync(journal, JSON.stringify(entries));
    writeFileSync(join(folder, '9999_broken.sql'), 'create table half();--> statement-breakpoint\nselect 1/0;');
    await expect(migrate(url.href, folder)).rejects.toMatchObject({ cause: { code: '22012' } });
    const [half] = await sql`select to_regclass('half') as found`;
    expect(half?.['found']).toBeNull();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the schema in the code has nothing that no migration makes', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const before = readdirSync(migrationsFolder);
  const run = spawnSync('pnpm', ['--silent', 'run', 'db:generate', '--dry-run'], { cwd: root, encoding: 'utf8' });
  expect(run.stdout).toContain('No schema changes');
  expect(readdirSync(migrationsFolder)).toEqual(before);
});
