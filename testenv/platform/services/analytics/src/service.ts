/** Analytics: impact events in ClickHouse, and questions about many of them. */
import { check, defineService, uuidParam } from '@teei/service-kit';
import { clickhouseTables } from '@teei/shared-schema/clickhouse';
import * as v from 'valibot';

interface Sums {
  events: number;
  minutes: number;
  points: number;
}

const none: Sums = { events: 0, minutes: 0, points: 0 };

const day = v.pipe(v.string(), v.isoDate());
const Period = v.object({ from: v.optional(day, '1970-01-01'), to: v.optional(day, '2105-12-31') });

export const service = defineService({
  name: 'analytics',
  needs: ['clickhouse', 'nats'],
  setup({ clickhouse, nats, prepare, route }) {
    prepare(() => clickhouse.ensure(clickhouseTables));

    nats.on('impact.recorded', async (event) => {
      await clickhouse.insert('impact', [
        {
          event_id: event.eventId,
          // ClickHouse 18 reads neither milliseconds nor a time zone.
          occurred_at: Math.floor(Date.parse(event.occurredAt) / 1000),
          profile_id: event.profileId,
          company_id: event.companyId ?? 0,
          kind: event.kind,
          minutes: event.minutes,
          points: event.points,
        },
      ]);
    });

    route('GET', '/profiles/:id', async (request) => {
      const id = uuidParam(request, 'id');
      const kinds = await clickhouse.query<Sums & { kind: string }>`
        SELECT kind, count() AS events, sum(minutes) AS minutes, sum(points) AS points
        FROM impact FINAL WHERE profile_id = ${id} GROUP BY kind ORDER BY kind`;
      return { profileId: id, ...kinds.reduce(add, none), kinds };
    });

    route('GET', '/summary', async (request) => {
      const { from, to } = check(Period, Object.fromEntries(request.query));
      const [sums] = await clickhouse.query<Sums & { people: number }>`
        SELECT count() AS events, sum(minutes) AS minutes, sum(points) AS points, uniqExact(profile_id) AS people
        FROM impact FINAL WHERE toDate(occurred_at) BETWEEN toDate(${from}) AND toDate(${to})`;
      return { from, to, ...(sums ?? { ...none, people: 0 }) };
    });
  },
});

function add(sum: Sums, next: Sums): Sums {
  return { events: sum.events + next.events, minutes: sum.minutes + next.minutes, points: sum.points + next.points };
}
