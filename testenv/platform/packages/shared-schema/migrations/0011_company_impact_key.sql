-- REFRESH MATERIALIZED VIEW CONCURRENTLY asks for a unique index.
CREATE UNIQUE INDEX company_impact_company ON company_impact (company_id);
