-- One partition a year, and one for what lies outside.
CREATE TABLE impact_events_2024 PARTITION OF impact_events FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00');--> statement-breakpoint
CREATE TABLE impact_events_2025 PARTITION OF impact_events FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00');--> statement-breakpoint
CREATE TABLE impact_events_2026 PARTITION OF impact_events FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');--> statement-breakpoint
CREATE TABLE impact_events_other PARTITION OF impact_events DEFAULT;--> statement-breakpoint
-- Sums per person, so that nobody has to scan the partitions for them.
CREATE FUNCTION add_impact_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO impact_totals AS t (profile_id, events, minutes, points)
  VALUES (NEW.profile_id, 1, NEW.minutes, NEW.points)
  ON CONFLICT (profile_id) DO UPDATE
    SET events = t.events + 1, minutes = t.minutes + excluded.minutes, points = t.points + excluded.points;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER impact_events_total AFTER INSERT ON impact_events FOR EACH ROW EXECUTE FUNCTION add_impact_total();
