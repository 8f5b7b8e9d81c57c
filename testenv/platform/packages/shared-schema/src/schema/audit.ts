import { jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';

/** Who changed what. Written by triggers only, never updated, so no row needs a key. */
export const auditLog = pgTable('audit_log', {
  at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  tableName: text('table_name').notNull(),
  operation: text().notNull(),
  rowKey: text('row_key').notNull(),
  changed: jsonb().$type<Record<string, unknown>>().notNull().default({}),
});
