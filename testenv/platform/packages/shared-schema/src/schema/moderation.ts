import { bigint, boolean, index, pgEnum, pgTable, serial, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';

export const severity = pgEnum('severity', ['low', 'medium', 'high']);

/** Words and patterns that must not reach a participant. */
export const moderationRules = pgTable(
  'moderation_rules',
  {
    id: serial().primaryKey(),
    category: text().notNull(),
    pattern: text().notNull(),
    severity: severity().notNull(),
    enabled: boolean().notNull().default(true),
  },
  (t) => [uniqueIndex('moderation_rules_enabled').on(t.pattern).where(sql`${t.enabled}`)],
);

/** What was decided about a text. The text itself is not kept, only its hash. */
export const moderationVerdicts = pgTable(
  'moderation_verdicts',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    contentHash: text('content_hash').notNull(),
    allowed: boolean().notNull(),
    categories: text().array().notNull().default([]),
    decidedAt: timestamp('decided_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [index('moderation_verdicts_hash').on(t.contentHash)],
);
