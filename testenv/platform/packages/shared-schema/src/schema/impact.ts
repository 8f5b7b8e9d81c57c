import { bigint, index, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core';
import { companies, profiles } from './profiles.ts';

/**
 * What people did for others. Partitioned by year of occurred_at, which the
 * keys therefore include; the partitions are made in migration 0006.
 */
export const impactEvents = pgTable(
  'impact_events',
  {
    id: uuid().notNull().defaultRandom(),
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull(),
    source: text().notNull(),
    sourceId: text('source_id').notNull(),
    profileId: uuid('profile_id')
      .notNull()
      .references(() => profiles.id),
    companyId: bigint('company_id', { mode: 'number' }).references(() => companies.id),
    kind: text().notNull(),
    minutes: integer().notNull().default(0),
    points: integer().notNull().default(0),
    details: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  },
  (t) => [
    primaryKey({ name: 'impact_events_pkey', columns: [t.id, t.occurredAt] }),
    unique('impact_events_source').on(t.source, t.sourceId, t.occurredAt),
    index('impact_events_profile').on(t.profileId, t.occurredAt),
  ],
);

/** Sums per person, kept by the trigger impact_events_total. */
export const impactTotals = pgTable('impact_totals', {
  profileId: uuid('profile_id')
    .primaryKey()
    .references(() => profiles.id, { onDelete: 'cascade' }),
  events: integer().notNull().default(0),
  minutes: integer().notNull().default(0),
  points: integer().notNull().default(0),
});
