/** Buddies: who suits whom, and the conversations they have. */
import { check, defineService, HttpError, Reply, uuidParam } from '@teei/service-kit';
import { buddyMatches, buddySessions, type Database, database, profiles } from '@teei/shared-schema';
import { and, count, eq, isNull } from 'drizzle-orm';
import * as v from 'valibot';
import { best } from './score.ts';

const NewMatch = v.object({
  participantId: v.pipe(v.string(), v.uuid()),
  /** Asks for one person, instead of whoever suits best. */
  buddyId: v.optional(v.pipe(v.string(), v.uuid())),
});

const NewSession = v.object({
  minutes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(480)),
  feedback: v.optional(v.pipe(v.string(), v.maxLength(2000))),
});

export const service = defineService({
  name: 'buddy-service',
  needs: ['postgres', 'nats'],
  setup({ postgres, nats, peers, route }) {
    const db = database(postgres);

    route('POST', '/matches', async (request) => {
      const wanted = check(NewMatch, request.body);
      // Profiles belong to another service, which also knows whether one was deleted.
      const participant = await peers.call<Person>(
        'unified-profile',
        { path: `/profiles/${wanted.participantId}` },
        request,
      );
      if (participant.kind !== 'participant') throw new HttpError(400, 'only participants are given a buddy');
      const chosen = best(participant, await candidates(db, wanted.buddyId));
      if (chosen === undefined) throw new HttpError(409, 'there is no buddy to match with');

      const [match] = await db
        .insert(buddyMatches)
        .values({ participantId: participant.id, buddyId: chosen.buddy.id, score: chosen.score })
        .onConflictDoNothing()
        .returning();
      if (match === undefined) throw new HttpError(409, 'this participant has a buddy already');
      nats.publish('buddy.matched', {
        matchId: match.id,
        participantId: match.participantId,
        buddyId: match.buddyId,
        buddyName: chosen.buddy.givenName,
      });
      return new Reply(201, match);
    });

    route('GET', '/matches/:id', async (request) => {
      const match = await find(db, uuidParam(request, 'id'));
      const sessions = await db
        .select()
        .from(buddySessions)
        .where(eq(buddySessions.matchId, match.id))
        .orderBy(buddySessions.heldAt);
      return { ...match, sessions };
    });

    route('PATCH', '/matches/:id', async (request) => {
      const { status } = check(v.object({ status: v.picklist(['active', 'paused', 'ended']) }), request.body);
      const match = await find(db, uuidParam(request, 'id'));
      const [changed] = await db.update(buddyMatches).set({ status }).where(eq(buddyMatches.id, match.id)).returning();
      return changed;
    });

    route('POST', '/matches/:id/sessions', async (request) => {
      const match = await find(db, uuidParam(request, 'id'));
      if (match.status !== 'active') throw new HttpError(409, `this match is ${match.status}`);
      const values = check(NewSession, request.body);
      const [session] = await db
        .insert(buddySessions)
        .values({ matchId: match.id, ...values, feedback: values.feedback ?? null })
        .returning();
      if (session === undefined) throw new Error('insert session: no row came back');
      nats.publish('session.held', {
        sessionId: session.id,
        matchId: match.id,
        participantId: match.participantId,
        buddyId: match.buddyId,
        minutes: session.minutes,
        heldAt: session.heldAt.toISOString(),
      });
      return new Reply(201, session);
    });
  },
});

type Person = typeof profiles.$inferSelect;

/** Every buddy, with the number of people each looks after already. */
async function candidates(db: Database, buddyId: string | undefined) {
  const rows = await db
    .select({ buddy: profiles, matches: count(buddyMatches.id) })
    .from(profiles)
    .leftJoin(buddyMatches, and(eq(buddyMatches.buddyId, profiles.id), eq(buddyMatches.status, 'active')))
    .where(
      and(
        eq(profiles.kind, 'buddy'),
        isNull(profiles.deletedAt),
        buddyId === undefined ? undefined : eq(profiles.id, buddyId),
      ),
    )
    .groupBy(profiles.id)
    .orderBy(profiles.createdAt)
    .limit(500);
  return rows.map(({ buddy, matches }) => ({ ...buddy, matches }));
}

async function find(db: Database, id: string) {
  const [match] = await db.select().from(buddyMatches).where(eq(buddyMatches.id, id));
  if (match === undefined) throw new HttpError(404, 'there is no such match');
  return match;
}
