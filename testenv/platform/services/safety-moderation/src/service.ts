/** Safety: whether a text may reach a participant. */
import { createHash } from 'node:crypto';
import { check, defineService, describe, Reply } from '@teei/service-kit';
import { database, moderationRules, moderationVerdicts, severity } from '@teei/shared-schema';
import { and, eq, sql } from 'drizzle-orm';
import * as v from 'valibot';

const Text = v.object({ text: v.pipe(v.string(), v.minLength(1), v.maxLength(10_000)) });

const NewRule = v.object({
  category: v.pipe(v.string(), v.minLength(1)),
  pattern: v.pipe(v.string(), v.minLength(1)),
  severity: v.picklist(severity.enumValues),
});

export interface Verdict {
  allowed: boolean;
  categories: string[];
  cached: boolean;
}

const seconds = 60;

export const service = defineService({
  name: 'safety-moderation',
  needs: ['postgres', 'redis', 'nats'],
  setup({ postgres, redis, nats, log, route }) {
    const db = database(postgres);

    route('POST', '/checks', async (request): Promise<Verdict> => {
      const { text } = check(Text, request.body);
      const hash = createHash('sha256').update(text).digest('hex');
      const key = `verdict:${hash}`;
      const known = await redis.get(key);
      if (known !== null) return { ...(JSON.parse(known) as Verdict), cached: true };

      const hits = await db
        .select({ category: moderationRules.category, severity: moderationRules.severity })
        .from(moderationRules)
        .where(and(eq(moderationRules.enabled, true), sql`${text} ~* ${moderationRules.pattern}`));
      const categories = [...new Set(hits.map((hit) => hit.category))].sort();
      // What is merely low is noted and let through.
      const allowed = hits.every((hit) => hit.severity === 'low');
      const [verdict] = await db
        .insert(moderationVerdicts)
        .values({ contentHash: hash, allowed, categories })
        .returning({ id: moderationVerdicts.id });
      if (!allowed && verdict !== undefined) nats.publish('content.flagged', { verdictId: verdict.id, categories });

      const answer = { allowed, categories, cached: false };
      await redis
        .set(key, JSON.stringify(answer), { expiration: { type: 'EX', value: seconds } })
        .catch((error: unknown) => log.warn(`keep a verdict: ${describe(error)}`));
      return answer;
    });

    route('GET', '/rules', async () => ({
      rules: await db.select().from(moderationRules).where(eq(moderationRules.enabled, true)).orderBy(moderationRules.id),
    }));

    route('POST', '/rules', async (request) => {
      const [rule] = await db.insert(moderationRules).values(check(NewRule, request.body)).onConflictDoNothing().returning();
      return rule === undefined ? new Reply(409, { error: 'there is such a rule already' }) : new Reply(201, rule);
    });
  },
});
