/** Impact-In: what people did for others, from the platform's own events and from partners. */
import { check, type Context, defineService, Reply, uuidParam } from '@teei/service-kit';
import { type Database, database, impactEvents, impactTotals, profiles } from '@teei/shared-schema';
import { desc, eq } from 'drizzle-orm';
import * as v from 'valibot';
import { points } from './points.ts';

const PartnerEvent = v.object({
  source: v.picklist(['benevity', 'goodera', 'workday']),
  sourceId: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  profileId: v.pipe(v.string(), v.uuid()),
  kind: v.picklist(['volunteering', 'donation', 'training']),
  minutes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100_000)),
  occurredAt: v.pipe(v.string(), v.isoTimestamp()),
  details: v.optional(v.record(v.string(), v.unknown()), {}),
});

export const service = defineService({
  name: 'impact-in',
  needs: ['postgres', 'nats'],
  setup({ postgres, nats, route }) {
    const db = database(postgres);

    nats.on('session.held', async (event) => {
      for (const profileId of [event.buddyId, event.participantId]) {
        await record(db, nats, {
          source: 'buddy-service',
          sourceId: `${event.sessionId}:${profileId}`,
          profileId,
          kind: profileId === event.buddyId ? 'volunteering' : 'participation',
          minutes: event.minutes,
          occurredAt: event.heldAt,
          details: { matchId: event.matchId },
        });
      }
    });

    route('POST', '/events', async (request) => {
      const recorded = await record(db, nats, check(PartnerEvent, request.body));
      return new Reply(recorded ? 201 : 200, { recorded });
    });

    route('GET', '/impact/:profileId', async (request) => {
      const profileId = uuidParam(request, 'profileId');
      const [totals] = await db.select().from(impactTotals).where(eq(impactTotals.profileId, profileId));
      const recent = await db
        .select()
        .from(impactEvents)
        .where(eq(impactEvents.profileId, profileId))
        .orderBy(desc(impactEvents.occurredAt))
        .limit(20);
      return { ...(totals ?? { profileId, events: 0, minutes: 0, points: 0 }), recent };
    });
  },
});

type Incoming = Omit<typeof impactEvents.$inferInsert, 'occurredAt' | 'points' | 'minutes'> & {
  occurredAt: string;
  minutes: number;
};

/** Records an event once, however often it is sent. False if it was known. */
async function record(db: Database, nats: Context<'nats'>['nats'], incoming: Incoming): Promise<boolean> {
  const [profile] = await db
    .select({ companyId: profiles.companyId })
    .from(profiles)
    .where(eq(profiles.id, incoming.profileId));
  const [event] = await db
    .insert(impactEvents)
    .values({
      ...incoming,
      companyId: profile?.companyId ?? null,
      occurredAt: new Date(incoming.occurredAt),
      points: points(incoming.kind, incoming.minutes),
    })
    .onConflictDoNothing()
    .returning();
  if (event === undefined) return false;
  nats.publish('impact.recorded', {
    eventId: event.id,
    profileId: event.profileId,
    companyId: event.companyId,
    kind: event.kind,
    minutes: event.minutes,
    points: event.points,
    occurredAt: event.occurredAt.toISOString(),
  });
  return true;
}
