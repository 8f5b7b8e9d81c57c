import { type Database, journeys, journeySteps, type journeyStage } from '@teei/shared-schema';
import { sql } from 'drizzle-orm';

export type Stage = (typeof journeyStage.enumValues)[number];

/** Records that somebody reached a stage. Events may come late or twice: nobody ever goes back. */
export async function reach(db: Database, profileId: string, stage: Stage): Promise<void> {
  await db.transaction(async (tx) => {
    const [journey] = await tx
      .insert(journeys)
      .values({ profileId, stage })
      .onConflictDoUpdate({
        target: journeys.profileId,
        // The stages of the enum are in order.
        set: { stage: sql`greatest(${journeys.stage}, excluded.stage)`, updatedAt: sql`now()` },
      })
      .returning({ id: journeys.id });
    if (journey === undefined) throw new Error('record journey: no row came back');
    await tx.insert(journeySteps).values({ journeyId: journey.id, stage }).onConflictDoNothing();
  });
}
