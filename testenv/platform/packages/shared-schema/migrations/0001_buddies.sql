CREATE TYPE "public"."match_status" AS ENUM('active', 'paused', 'ended');--> statement-breakpoint
CREATE TABLE "buddy_matches" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"participant_id" uuid NOT NULL,
	"buddy_id" uuid NOT NULL,
	"status" "match_status" DEFAULT 'active' NOT NULL,
	"score" numeric(5, 3) NOT NULL,
	"matched_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "buddy_matches_two_people" CHECK ("buddy_matches"."participant_id" <> "buddy_matches"."buddy_id")
);
--> statement-breakpoint
CREATE TABLE "buddy_sessions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "buddy_sessions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"match_id" uuid NOT NULL,
	"held_at" timestamp with time zone DEFAULT now() NOT NULL,
	"minutes" integer NOT NULL,
	"feedback" text,
	CONSTRAINT "buddy_sessions_minutes" CHECK ("buddy_sessions"."minutes" > 0)
);
--> statement-breakpoint
ALTER TABLE "buddy_matches" ADD CONSTRAINT "buddy_matches_participant_id_profiles_id_fk" FOREIGN KEY ("participant_id") REFERENCES "public"."profiles"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "buddy_matches" ADD CONSTRAINT "buddy_matches_buddy_id_profiles_id_fk" FOREIGN KEY ("buddy_id") REFERENCES "public"."profiles"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "buddy_sessions" ADD CONSTRAINT "buddy_sessions_match_id_buddy_matches_id_fk" FOREIGN KEY ("match_id") REFERENCES "public"."buddy_matches"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "buddy_matches_one_active" ON "buddy_matches" USING btree ("participant_id") WHERE "buddy_matches"."status" = 'active';--> statement-breakpoint
CREATE INDEX "buddy_matches_buddy" ON "buddy_matches" USING btree ("buddy_id");--> statement-breakpoint
CREATE INDEX "buddy_sessions_match" ON "buddy_sessions" USING btree ("match_id","held_at");