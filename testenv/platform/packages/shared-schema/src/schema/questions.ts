import { bigint, index, jsonb, pgTable, real, serial, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { profiles } from './profiles.ts';

/** What participants ask. */
export const questions = pgTable(
  'questions',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    profileId: uuid('profile_id')
      .notNull()
      .references(() => profiles.id, { onDelete: 'cascade' }),
    body: text().notNull(),
    topics: text().array().notNull().default([]),
    embedding: real().array(),
    askedAt: timestamp('asked_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [index('questions_topics').using('gin', t.topics), index('questions_profile').on(t.profileId)],
);

/** What the platform answered, and how sure it was. */
export const answers = pgTable('answers', {
  id: serial().primaryKey(),
  questionId: bigint('question_id', { mode: 'number' })
    .notNull()
    .references(() => questions.id, { onDelete: 'cascade' }),
  body: text().notNull(),
  confidence: real().notNull(),
  labels: jsonb().$type<Record<string, number>>().notNull().default({}),
});
