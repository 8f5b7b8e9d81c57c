-- 16384 is the first OID of objects made after initdb. Constraints and triggers
-- that PostgreSQL derives for partitions are left out: their names are its own.
WITH made AS (
  SELECT 'pg_namespace'::regclass AS class, oid, 0 AS sub,
         concat_ws(' ', 'owner', nspowner::regrole, nspacl) AS definition
    FROM pg_namespace WHERE nspname !~ '^pg_'
UNION ALL
  SELECT 'pg_extension'::regclass, oid, 0, concat_ws(' ', extversion, 'in', extnamespace::regnamespace) FROM pg_extension
UNION ALL
  SELECT 'pg_class'::regclass, c.oid, 0, concat_ws(' ',
      CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
      CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
      CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'not populated' END,
      CASE WHEN c.relkind = 'p' THEN 'partition by ' || pg_get_partkeydef(c.oid) END,
      (SELECT 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
      CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
      (SELECT concat_ws(' ', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'by', s.seqincrement, 'from', s.seqmin, 'to', s.seqmax, 'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END)
         FROM pg_sequence s WHERE s.seqrelid = c.oid),
      CASE WHEN c.relrowsecurity THEN 'row security' END,
      CASE WHEN c.relforcerowsecurity THEN 'forced' END,
      'replica identity ' || c.relreplident::text, 'with ' || c.reloptions::text,
      'owner ' || c.relowner::regrole, c.relacl)
    FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
UNION ALL
  SELECT 'pg_class'::regclass, c.oid, 0, concat_ws(' ', pg_get_indexdef(c.oid),
      CASE WHEN NOT i.indisvalid THEN 'invalid' END, CASE WHEN i.indisreplident THEN 'replica identity' END, CASE WHEN i.indisclustered THEN 'clustered' END)
    FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relkind IN ('i', 'I')
UNION ALL
  SELECT 'pg_class'::regclass, a.attrelid, a.attnum, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attcollation <> t.typcollation THEN 'collate ' || a.attcollation::regcollation END,
      CASE WHEN a.attnotnull THEN 'not null' END,
      CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
      CASE WHEN a.attgenerated <> '' THEN 'generated ' || a.attgenerated::text WHEN d.oid IS NOT NULL THEN 'default' END,
      pg_get_expr(d.adbin, d.adrelid), 'storage ' || a.attstorage::text, a.attacl)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
UNION ALL
  SELECT 'pg_constraint'::regclass, oid, 0, concat_ws(' ', pg_get_constraintdef(oid), CASE WHEN NOT convalidated THEN 'not validated' END)
    FROM pg_constraint WHERE conparentid = 0 AND (conislocal OR conrelid = 0)
UNION ALL
  SELECT 'pg_trigger'::regclass, oid, 0, concat_ws(' ', pg_get_triggerdef(oid), 'enabled ' || tgenabled::text)
    FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
UNION ALL
  SELECT 'pg_proc'::regclass, oid, 0, concat_ws(' ', CASE WHEN prokind <> 'a' THEN pg_get_functiondef(oid) END, 'owner ' || proowner::regrole, proacl)
    FROM pg_proc WHERE oid >= 16384
UNION ALL
  SELECT 'pg_type'::regclass, t.oid, 0, concat_ws(' ',
      (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
      CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, CASE WHEN t.typnotnull THEN 'not null' END, t.typdefault,
      (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid),
      'owner ' || t.typowner::regrole, t.typacl)
    FROM pg_type t WHERE t.typtype IN ('e', 'd', 'r')
UNION ALL
  SELECT 'pg_policy'::regclass, oid, 0, concat_ws(' ', polcmd::text, CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
      ARRAY(SELECT CASE role WHEN 0 THEN 'public' ELSE role::regrole::text END FROM unnest(polroles) role ORDER BY 1),
      pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy
UNION ALL
  SELECT 'pg_rewrite'::regclass, oid, 0, concat_ws(' ', pg_get_ruledef(oid), 'enabled ' || ev_enabled::text) FROM pg_rewrite WHERE rulename <> '_RETURN'
UNION ALL
  SELECT 'pg_statistic_ext'::regclass, oid, 0, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
UNION ALL
  SELECT 'pg_operator'::regclass, oid, 0, concat_ws(' ', oprcode::regproc, oprcom, oprnegate) FROM pg_operator WHERE oid >= 16384
UNION ALL
  SELECT 'pg_opclass'::regclass, oid, 0, opcdefault::text FROM pg_opclass WHERE oid >= 16384
UNION ALL
  SELECT 'pg_cast'::regclass, oid, 0, concat_ws(' ', castfunc::regprocedure, castcontext::text, castmethod::text) FROM pg_cast WHERE oid >= 16384
UNION ALL
  SELECT 'pg_collation'::regclass, oid, 0, concat_ws(' ', collprovider::text, collisdeterministic, collcollate, collctype) FROM pg_collation WHERE oid >= 16384
UNION ALL
  SELECT 'pg_ts_config'::regclass, oid, 0, cfgparser::text FROM pg_ts_config WHERE oid >= 16384
UNION ALL
  SELECT 'pg_ts_dict'::regclass, oid, 0, dictinitoption FROM pg_ts_dict WHERE oid >= 16384
UNION ALL
  SELECT 'pg_foreign_server'::regclass, oid, 0, concat_ws(' ', srvtype, srvversion, 'owner ' || srvowner::regrole) FROM pg_foreign_server
UNION ALL
  SELECT 'pg_event_trigger'::regclass, oid, 0, concat_ws(' ', evtevent, evtfoid::regprocedure, evttags, 'enabled ' || evtenabled::text) FROM pg_event_trigger
UNION ALL
  SELECT 'pg_publication'::regclass, oid, 0, concat_ws(' ', puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot) FROM pg_publication
), mine AS (
  SELECT DISTINCT m.* FROM made m
   WHERE m.oid >= 16384
     AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = m.class AND d.objid = m.oid AND d.deptype = 'e')
     AND NOT (m.class = 'pg_class'::regclass AND EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = m.oid AND n.nspname ~ '^pg_'))
)
SELECT i.type, i.identity, coalesce(m.definition, '') FROM mine m, pg_identify_object(m.class, m.oid, m.sub) i
UNION ALL
SELECT 'comment', i.type || ' ' || i.identity, d.description
  FROM pg_description d JOIN mine m ON m.class = d.classoid AND m.oid = d.objoid AND (m.sub = d.objsubid), pg_identify_object(d.classoid, d.objoid, d.objsubid) i
ORDER BY 1, 2
