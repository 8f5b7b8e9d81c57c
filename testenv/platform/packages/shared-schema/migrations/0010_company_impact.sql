CREATE MATERIALIZED VIEW "public"."company_impact" AS (
  select c.id as company_id,
         c.name,
         count(distinct e.profile_id)::int as volunteers,
         coalesce(sum(e.minutes), 0)::int as minutes,
         coalesce(sum(e.points), 0)::int as points
  from companies c
  left join impact_events e on e.company_id = c.id
  group by c.id, c.name);