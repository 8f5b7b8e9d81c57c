/** The Discord bot: commands of linked accounts, and news for the channel. */
import { check, defineService, HttpError } from '@teei/service-kit';
import { database, discordLinks, discordMessages } from '@teei/shared-schema';
import { desc, eq } from 'drizzle-orm';
import * as v from 'valibot';

const Interaction = v.object({
  userId: v.pipe(v.string(), v.regex(/^\w{1,40}$/)),
  command: v.picklist(['link', 'impact', 'unlink']),
  profileId: v.optional(v.pipe(v.string(), v.uuid())),
});

const perMinute = 20;

export const service = defineService({
  name: 'discord-bot',
  needs: ['postgres', 'redis', 'nats'],
  setup({ postgres, redis, nats, peers, route }) {
    const db = database(postgres);

    nats.on('buddy.matched', async (event) => {
      await db.insert(discordMessages).values({
        channel: 'matches',
        payload: { matchId: event.matchId, content: `${event.buddyName} has somebody new to talk to.` },
      });
    });

    route('POST', '/interactions', async (request) => {
      const { userId, command, profileId } = check(Interaction, request.body);
      // Discord's users share the address of its servers, so they are told apart here.
      const key = `discord:${userId}:${Math.floor(Date.now() / 60_000)}`;
      const count = await redis.incr(key);
      if (count === 1) await redis.expire(key, 120);
      if (count > perMinute) throw new HttpError(429, 'too many commands');

      if (command === 'link') {
        if (profileId === undefined) throw new HttpError(400, 'profileId: is missing');
        if (request.profileId !== undefined && request.profileId !== profileId) {
          throw new HttpError(403, 'people link their own profile');
        }
        const profile = await peers.call<{ givenName: string }>(
          'unified-profile',
          { path: `/profiles/${profileId}` },
          request,
        );
        await db
          .insert(discordLinks)
          .values({ discordUserId: userId, profileId })
          .onConflictDoUpdate({ target: discordLinks.discordUserId, set: { profileId } });
        return { content: `Hello ${profile.givenName}, you are linked.` };
      }

      const [link] = await db.select().from(discordLinks).where(eq(discordLinks.discordUserId, userId));
      if (link === undefined) throw new HttpError(404, 'link your profile first');
      if (command === 'unlink') {
        await db.delete(discordLinks).where(eq(discordLinks.discordUserId, userId));
        return { content: 'You are not linked any more.' };
      }
      const impact = await peers.call<{ minutes: number; points: number }>(
        'impact-in',
        { path: `/impact/${link.profileId}` },
        request,
      );
      return { content: `${impact.points} points in ${impact.minutes} minutes.` };
    });

    route('GET', '/messages/:channel', async (request) => ({
      messages: await db
        .select()
        .from(discordMessages)
        .where(eq(discordMessages.channel, request.params['channel'] ?? ''))
        .orderBy(desc(discordMessages.id))
        .limit(50),
    }));
  },
});
