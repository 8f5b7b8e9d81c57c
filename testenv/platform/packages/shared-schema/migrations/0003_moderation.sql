CREATE TYPE "public"."severity" AS ENUM('low', 'medium', 'high');--> statement-breakpoint
CREATE TABLE "moderation_rules" (
	"id" serial PRIMARY KEY NOT NULL,
	"category" text NOT NULL,
	"pattern" text NOT NULL,
	"severity" "severity" NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL
);
--> statement-breakpoint
CREATE TABLE "moderation_verdicts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "moderation_verdicts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"content_hash" text NOT NULL,
	"allowed" boolean NOT NULL,
	"categories" text[] DEFAULT '{}' NOT NULL,
	"decided_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "moderation_rules_enabled" ON "moderation_rules" USING btree ("pattern") WHERE "moderation_rules"."enabled";--> statement-breakpoint
CREATE INDEX "moderation_verdicts_hash" ON "moderation_verdicts" USING btree ("content_hash");