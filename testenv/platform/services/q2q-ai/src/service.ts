/** Q2Q: questions, what they are about, and answers from questions like them. */
import { check, defineService, HttpError, Reply } from '@teei/service-kit';
import { answers, database, questions } from '@teei/shared-schema';
import { and, arrayOverlaps, desc, eq, isNotNull, ne } from 'drizzle-orm';
import * as v from 'valibot';
import { classify, embed, similarity } from './text.ts';

const NewQuestion = v.object({
  profileId: v.pipe(v.string(), v.uuid()),
  text: v.pipe(v.string(), v.trim(), v.minLength(3), v.maxLength(2000)),
});

export const service = defineService({
  name: 'q2q-ai',
  needs: ['postgres', 'redis'],
  setup({ postgres, redis, peers, route }) {
    const db = database(postgres);

    route('POST', '/questions', async (request) => {
      const { profileId, text } = check(NewQuestion, request.body);
      if (request.profileId !== undefined && request.profileId !== profileId) {
        throw new HttpError(403, 'people ask for themselves');
      }
      const verdict = await peers.call<{ allowed: boolean; categories: string[] }>(
        'safety-moderation',
        { method: 'POST', path: '/checks', body: { text } },
        request,
      );
      if (!verdict.allowed) throw new HttpError(422, `not asked: ${verdict.categories.join(', ')}`);
      await oncePerSecond(redis, profileId);

      const labels = classify(text);
      const topics = Object.keys(labels);
      const embedding = embed(text);
      const [question] = await db.insert(questions).values({ profileId, body: text, topics, embedding }).returning();
      if (question === undefined) throw new Error('insert question: no row came back');

      const like = topics.length === 0 ? undefined : await mostSimilar(question.id, topics, embedding);
      const body =
        like === undefined
          ? 'Nobody has asked this before. Your buddy will know more.'
          : `Somebody asked: “${like.body}” Ask your buddy what came of it.`;
      const confidence = like === undefined ? 0 : similarity(embedding, like.embedding ?? []);
      const [answer] = await db.insert(answers).values({ questionId: question.id, body, confidence, labels }).returning();
      return new Reply(201, { id: question.id, topics, answer });
    });

    route('GET', '/questions/:id', async (request) => {
      const id = Number(request.params['id']);
      if (!Number.isSafeInteger(id)) throw new HttpError(404, 'there is no such question');
      const [question] = await db.select().from(questions).where(eq(questions.id, id));
      if (question === undefined) throw new HttpError(404, 'there is no such question');
      const given = await db.select().from(answers).where(eq(answers.questionId, id));
      return { ...question, embedding: undefined, answers: given };
    });

    async function mostSimilar(id: number, topics: string[], embedding: number[]) {
      const near = await db
        .select()
        .from(questions)
        .where(and(arrayOverlaps(questions.topics, topics), ne(questions.id, id), isNotNull(questions.embedding)))
        .orderBy(desc(questions.id))
        .limit(200);
      return near
        .map((one) => ({ ...one, near: similarity(embedding, one.embedding ?? []) }))
        .sort((a, b) => b.near - a.near)[0];
    }
  },
});

interface Counter {
  set(key: string, value: string, options: { expiration: { type: 'PX'; value: number }; condition: 'NX' }): Promise<unknown>;
}

/** A double click asks once. */
async function oncePerSecond(redis: Counter, profileId: string): Promise<void> {
  const set = await redis.set(`asked:${profileId}`, '1', { expiration: { type: 'PX', value: 1000 }, condition: 'NX' });
  if (set === null) throw new HttpError(429, 'one question at a time');
}
