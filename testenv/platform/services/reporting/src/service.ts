/** Reporting: what a company's people did in a period, from both databases, kept as it was. */
import { check, defineService, HttpError, Reply, uuidParam } from '@teei/service-kit';
import { companies, companyImpact, database, reports } from '@teei/shared-schema';
import { clickhouseTables } from '@teei/shared-schema/clickhouse';
import { eq } from 'drizzle-orm';
import * as v from 'valibot';

const day = v.pipe(v.string(), v.isoDate());

const NewReport = v.pipe(
  v.object({ company: v.pipe(v.string(), v.minLength(1)), from: day, to: day }),
  v.check((period) => period.from <= period.to, 'from is later than to'),
);

interface Month {
  month: number;
  people: number;
  minutes: number;
  points: number;
}

export const service = defineService({
  name: 'reporting',
  needs: ['postgres', 'clickhouse'],
  setup({ postgres, clickhouse, prepare, route }) {
    const db = database(postgres);
    // Whichever of analytics and reporting starts first makes the tables.
    prepare(() => clickhouse.ensure(clickhouseTables));

    route('POST', '/reports', async (request) => {
      const { company: slug, from, to } = check(NewReport, request.body);
      const [company] = await db.select().from(companies).where(eq(companies.slug, slug));
      if (company === undefined) throw new HttpError(404, `there is no company ${JSON.stringify(slug)}`);

      await db.refreshMaterializedView(companyImpact).concurrently();
      const [allTime] = await db.select().from(companyImpact).where(eq(companyImpact.companyId, company.id));
      const months = await clickhouse.query<Month>`
        SELECT toYYYYMM(occurred_at) AS month, uniqExact(profile_id) AS people, sum(minutes) AS minutes, sum(points) AS points
        FROM impact FINAL
        WHERE company_id = ${company.id} AND toDate(occurred_at) BETWEEN toDate(${from}) AND toDate(${to})
        GROUP BY month ORDER BY month`;

      const content = {
        company: company.name,
        allTime: {
          volunteers: allTime?.volunteers ?? 0,
          minutes: allTime?.minutes ?? 0,
          points: allTime?.points ?? 0,
        },
        months,
      };
      const [report] = await db
        .insert(reports)
        .values({ companyId: company.id, periodStart: from, periodEnd: to, content })
        .returning();
      return new Reply(201, report);
    });

    route('GET', '/reports/:id', async (request) => {
      const [report] = await db
        .select()
        .from(reports)
        .where(eq(reports.id, uuidParam(request, 'id')));
      if (report === undefined) throw new HttpError(404, 'there is no such report');
      return report;
    });

    route('POST', '/reports/:id/publish', async (request) => {
      const [report] = await db
        .update(reports)
        .set({ status: 'published' })
        .where(eq(reports.id, uuidParam(request, 'id')))
        .returning();
      if (report === undefined) throw new HttpError(404, 'there is no such report');
      return report;
    });
  },
});
