import { sql } from 'drizzle-orm';
import {
  bigint,
  date,
  index,
  integer,
  jsonb,
  pgEnum,
  pgMaterializedView,
  pgTable,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core';
import { companies } from './profiles.ts';

export const reportStatus = pgEnum('report_status', ['draft', 'published']);

/** Reports for companies, as they were when they were made. */
export const reports = pgTable(
  'reports',
  {
    id: uuid().primaryKey().defaultRandom(),
    companyId: bigint('company_id', { mode: 'number' })
      .notNull()
      .references(() => companies.id),
    status: reportStatus().notNull().default('draft'),
    periodStart: date('period_start', { mode: 'string' }).notNull(),
    periodEnd: date('period_end', { mode: 'string' }).notNull(),
    periodDays: integer('period_days').generatedAlwaysAs(sql`period_end - period_start + 1`),
    content: jsonb().$type<Record<string, unknown>>().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [index('reports_company').on(t.companyId, t.periodStart)],
);

/** Impact by company. Refreshed when a report is made. */
export const companyImpact = pgMaterializedView('company_impact', {
  companyId: bigint('company_id', { mode: 'number' }).notNull(),
  name: text().notNull(),
  volunteers: integer().notNull(),
  minutes: integer().notNull(),
  points: integer().notNull(),
}).as(sql`
  select c.id as company_id,
         c.name,
         count(distinct e.profile_id)::int as volunteers,
         coalesce(sum(e.minutes), 0)::int as minutes,
         coalesce(sum(e.points), 0)::int as points
  from companies c
  left join impact_events e on e.company_id = c.id
  group by c.id, c.name`);
