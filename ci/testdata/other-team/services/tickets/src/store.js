import postgres from 'postgres';

/** Tickets in PostgreSQL; the table is made where it is missing. */
export async function openStore(url) {
  const sql = postgres(url, { max: 5, onnotice: () => {} });
  await sql`create schema if not exists helpdesk`;
  await sql`create table if not exists helpdesk.tickets (
    id bigint generated always as identity primary key,
    title text not null check (title <> ''),
    opened_at timestamptz not null default now(),
    closed_at timestamptz
  )`;
  return {
    open: async (title) => (await sql`insert into helpdesk.tickets (title) values (${title}) returning id::int, title`)[0],
    find: async (id) => (await sql`select id::int, title, closed_at is not null as closed from helpdesk.tickets where id = ${id}`)[0],
    close: async (id) => (await sql`update helpdesk.tickets set closed_at = now() where id = ${id} and closed_at is null returning id::int`)[0],
    list: () => sql`select id::int, title from helpdesk.tickets where closed_at is null order by id desc limit 20`,
    ready: () => sql`select 1`,
    end: () => sql.end({ timeout: 2 }),
  };
}
