import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  index,
  integer,
  numeric,
  pgEnum,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { profiles } from './profiles.ts';

export const matchStatus = pgEnum('match_status', ['active', 'paused', 'ended']);

/** A participant and the buddy found for them. */
export const buddyMatches = pgTable(
  'buddy_matches',
  {
    id: uuid().primaryKey().defaultRandom(),
    participantId: uuid('participant_id')
      .notNull()
      .references(() => profiles.id),
    buddyId: uuid('buddy_id')
      .notNull()
      .references(() => profiles.id),
    status: matchStatus().notNull().default('active'),
    score: numeric({ precision: 5, scale: 3, mode: 'number' }).notNull(),
    matchedAt: timestamp('matched_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    uniqueIndex('buddy_matches_one_active').on(t.participantId).where(sql`${t.status} = 'active'`),
    index('buddy_matches_buddy').on(t.buddyId),
    check('buddy_matches_two_people', sql`${t.participantId} <> ${t.buddyId}`),
  ],
);

/** A conversation the two of them had. */
export const buddySessions = pgTable(
  'buddy_sessions',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    matchId: uuid('match_id')
      .notNull()
      .references(() => buddyMatches.id, { onDelete: 'cascade' }),
    heldAt: timestamp('held_at', { withTimezone: true }).notNull().defaultNow(),
    minutes: integer().notNull(),
    feedback: text(),
  },
  (t) => [index('buddy_sessions_match').on(t.matchId, t.heldAt), check('buddy_sessions_minutes', sql`${t.minutes} > 0`)],
);
