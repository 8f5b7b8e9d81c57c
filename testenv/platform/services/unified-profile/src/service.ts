/** People: one profile each, whichever of the programmes they take part in. */
import { check, defineService, HttpError, Reply, uuidParam } from '@teei/service-kit';
import { type Database, companies, database, profileIdentities, profileKind, profiles } from '@teei/shared-schema';
import { and, eq, isNull, sql } from 'drizzle-orm';
import * as v from 'valibot';

const name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100));
const words = v.optional(v.pipe(v.array(v.pipe(v.string(), v.toLowerCase(), v.maxLength(40))), v.maxLength(20)), []);

const NewProfile = v.object({
  kind: v.picklist(profileKind.enumValues),
  email: v.pipe(v.string(), v.trim(), v.email()),
  givenName: name,
  familyName: name,
  languages: words,
  interests: words,
  company: v.optional(v.string()),
  attributes: v.optional(v.record(v.string(), v.unknown()), {}),
});

const Changes = v.partial(v.pick(NewProfile, ['givenName', 'familyName', 'attributes']));

const Identity = v.object({ provider: name, externalId: name });

export const service = defineService({
  name: 'unified-profile',
  needs: ['postgres', 'nats'],
  setup({ postgres, nats, route }) {
    const db = database(postgres);

    route('POST', '/profiles', async (request) => {
      const { company, ...values } = check(NewProfile, request.body);
      const companyId = company === undefined ? null : await companyBySlug(db, company);
      const [profile] = await db
        .insert(profiles)
        .values({ ...values, companyId })
        .onConflictDoNothing()
        .returning();
      if (profile === undefined) throw new HttpError(409, 'there is a profile with this email already');
      nats.publish('profile.created', {
        profileId: profile.id,
        companyId: profile.companyId,
        kind: profile.kind,
        name: profile.givenName,
      });
      return new Reply(201, profile);
    });

    route('GET', '/profiles/:id', (request) => live(db, uuidParam(request, 'id')));

    // By address, for signing in.
    route('GET', '/profiles', async (request) => {
      const email = request.query.get('email') ?? '';
      const [profile] = await db
        .select()
        .from(profiles)
        .where(and(eq(sql`lower(${profiles.email})`, email.toLowerCase()), isNull(profiles.deletedAt)));
      if (profile === undefined) throw new HttpError(404, 'there is no profile with this email');
      return profile;
    });

    route('PATCH', '/profiles/:id', async (request) => {
      const id = uuidParam(request, 'id');
      const changes = check(Changes, request.body);
      if (Object.keys(changes).length === 0) return live(db, id);
      const [profile] = await db
        .update(profiles)
        .set(changes)
        .where(and(eq(profiles.id, id), isNull(profiles.deletedAt)))
        .returning();
      if (profile === undefined) throw new HttpError(404, 'there is no such profile');
      return profile;
    });

    // The row stays for the sums it is part of; its address becomes free.
    route('DELETE', '/profiles/:id', async (request) => {
      const profile = await live(db, uuidParam(request, 'id'));
      await db.update(profiles).set({ deletedAt: new Date() }).where(eq(profiles.id, profile.id));
      return new Reply(204);
    });

    route('POST', '/profiles/:id/identities', async (request) => {
      const profile = await live(db, uuidParam(request, 'id'));
      const values = { profileId: profile.id, ...check(Identity, request.body) };
      const [identity] = await db.insert(profileIdentities).values(values).onConflictDoNothing().returning();
      if (identity === undefined) throw new HttpError(409, 'this identity belongs to a profile already');
      return new Reply(201, identity);
    });

    route('GET', '/identities/:provider/:externalId', async (request) => {
      const { provider = '', externalId = '' } = request.params;
      const [found] = await db
        .select({ profile: profiles })
        .from(profileIdentities)
        .innerJoin(profiles, eq(profiles.id, profileIdentities.profileId))
        .where(and(eq(profileIdentities.provider, provider), eq(profileIdentities.externalId, externalId)));
      if (found === undefined) throw new HttpError(404, 'nobody has this identity');
      return found.profile;
    });
  },
});

async function live(db: Database, id: string) {
  const [profile] = await db
    .select()
    .from(profiles)
    .where(and(eq(profiles.id, id), isNull(profiles.deletedAt)));
  if (profile === undefined) throw new HttpError(404, 'there is no such profile');
  return profile;
}

async function companyBySlug(db: Database, slug: string): Promise<number> {
  const [company] = await db.select({ id: companies.id }).from(companies).where(eq(companies.slug, slug));
  if (company === undefined) throw new HttpError(400, `there is no company ${JSON.stringify(slug)}`);
  return company.id;
}
