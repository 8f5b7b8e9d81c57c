/** Journeys, notifications, and questions in plain words. */
import { check, defineService, HttpError, uuidParam } from '@teei/service-kit';
import { type Database, database, journeys, journeySteps, notifications } from '@teei/shared-schema';
import { and, desc, eq, isNull } from 'drizzle-orm';
import * as v from 'valibot';
import { answer, understand } from './nlq.ts';
import { reach } from './stages.ts';

const Question = v.object({
  profileId: v.pipe(v.string(), v.uuid()),
  question: v.pipe(v.string(), v.minLength(3), v.maxLength(500)),
});

export const service = defineService({
  name: 'journey',
  needs: ['postgres', 'nats'],
  setup({ postgres, nats, peers, route }) {
    const db = database(postgres);

    nats.on('profile.created', async (event) => {
      await reach(db, event.profileId, 'registered');
      await notify(db, event.profileId, `welcome:${event.profileId}`, 'Welcome', `Good to have you, ${event.name}.`);
    });

    nats.on('buddy.matched', async (event) => {
      await reach(db, event.participantId, 'matched');
      const body = `${event.buddyName} looks forward to meeting you.`;
      await notify(db, event.participantId, `match:${event.matchId}`, 'You have a buddy', body);
    });

    nats.on('session.held', async (event) => {
      await reach(db, event.participantId, 'active');
      const body = `You talked for ${event.minutes} minutes.`;
      await notify(db, event.participantId, `session:${event.sessionId}`, 'A conversation', body);
    });

    route('GET', '/journeys/:profileId', async (request) => {
      const profileId = uuidParam(request, 'profileId');
      const [journey] = await db.select().from(journeys).where(eq(journeys.profileId, profileId));
      if (journey === undefined) throw new HttpError(404, 'this journey has not begun');
      const steps = await db
        .select({ stage: journeySteps.stage, reachedAt: journeySteps.reachedAt })
        .from(journeySteps)
        .where(eq(journeySteps.journeyId, journey.id))
        .orderBy(journeySteps.stage);
      return { ...journey, steps };
    });

    route('GET', '/notifications/:profileId', async (request) => {
      const profileId = uuidParam(request, 'profileId');
      const unread = await db
        .select()
        .from(notifications)
        .where(and(eq(notifications.profileId, profileId), isNull(notifications.readAt)))
        .orderBy(desc(notifications.id))
        .limit(50);
      return { unread: unread.length, notifications: unread };
    });

    route('POST', '/notifications/:profileId/read', async (request) => {
      const profileId = uuidParam(request, 'profileId');
      const read = await db
        .update(notifications)
        .set({ readAt: new Date() })
        .where(and(eq(notifications.profileId, profileId), isNull(notifications.readAt)))
        .returning({ id: notifications.id });
      return { read: read.length };
    });

    route('POST', '/nlq', async (request) => {
      const { profileId, question } = check(Question, request.body);
      if (request.profileId !== undefined && request.profileId !== profileId) {
        throw new HttpError(403, 'people ask about themselves');
      }
      const metric = understand(question);
      if (metric === undefined) throw new HttpError(422, 'ask about hours, points, or conversations');
      const sums = await peers.call<{ events: number; minutes: number; points: number }>(
        'analytics',
        { path: `/profiles/${profileId}` },
        request,
      );
      return { metric, ...answer(metric, sums) };
    });
  },
});

/** Tells somebody something, once for each key. */
async function notify(db: Database, profileId: string, dedupeKey: string, subject: string, body: string) {
  await db.insert(notifications).values({ profileId, dedupeKey, subject, body }).onConflictDoNothing();
}
