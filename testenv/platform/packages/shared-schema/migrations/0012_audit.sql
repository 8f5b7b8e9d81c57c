CREATE TABLE "audit_log" (
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"table_name" text NOT NULL,
	"operation" text NOT NULL,
	"row_key" text NOT NULL,
	"changed" jsonb DEFAULT '{}'::jsonb NOT NULL
);
