-- Records the new values of the columns that changed, and by what.
CREATE FUNCTION write_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}'::jsonb ELSE to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}'::jsonb ELSE to_jsonb(NEW) END;
BEGIN
  INSERT INTO audit_log (table_name, operation, row_key, changed)
  SELECT TG_TABLE_NAME, lower(TG_OP), coalesce(new_row ->> 'id', old_row ->> 'id'),
         coalesce(jsonb_object_agg(key, value), '{}')
  FROM jsonb_each(new_row)
  WHERE value IS DISTINCT FROM old_row -> key;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER profiles_audit AFTER INSERT OR UPDATE OR DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION write_audit_log();--> statement-breakpoint
CREATE TRIGGER buddy_matches_audit AFTER INSERT OR UPDATE OR DELETE ON buddy_matches FOR EACH ROW EXECUTE FUNCTION write_audit_log();
