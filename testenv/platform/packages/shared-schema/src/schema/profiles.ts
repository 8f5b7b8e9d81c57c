import { sql } from 'drizzle-orm';
import {
  bigint,
  index,
  jsonb,
  pgEnum,
  pgTable,
  serial,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

/** Companies whose employees volunteer. */
export const companies = pgTable('companies', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  slug: text().notNull().unique(),
  name: text().notNull(),
  settings: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
});

export const profileKind = pgEnum('profile_kind', ['participant', 'buddy', 'coordinator']);

/** One person, whichever of the programmes they take part in. */
export const profiles = pgTable(
  'profiles',
  {
    id: uuid().primaryKey().defaultRandom(),
    companyId: bigint('company_id', { mode: 'number' }).references(() => companies.id, { onDelete: 'restrict' }),
    kind: profileKind().notNull(),
    email: text().notNull(),
    givenName: text('given_name').notNull(),
    familyName: text('family_name').notNull(),
    fullName: text('full_name').generatedAlwaysAs(sql`given_name || ' ' || family_name`),
    languages: text().array().notNull().default([]),
    interests: text().array().notNull().default([]),
    attributes: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    deletedAt: timestamp('deleted_at', { withTimezone: true }),
  },
  (t) => [
    // An address can be used again once its profile is deleted.
    uniqueIndex('profiles_email_live').on(sql`lower(${t.email})`).where(sql`${t.deletedAt} is null`),
    index('profiles_languages').using('gin', t.languages),
    index('profiles_buddies').on(t.createdAt).where(sql`${t.kind} = 'buddy' and ${t.deletedAt} is null`),
  ],
);

/** The same person in other systems. */
export const profileIdentities = pgTable(
  'profile_identities',
  {
    id: serial().primaryKey(),
    profileId: uuid('profile_id')
      .notNull()
      .references(() => profiles.id, { onDelete: 'cascade' }),
    provider: text().notNull(),
    externalId: text('external_id').notNull(),
  },
  (t) => [unique('profile_identities_external').on(t.provider, t.externalId)],
);
