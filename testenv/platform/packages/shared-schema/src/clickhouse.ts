/** Tables in ClickHouse, in the syntax of 18.16. Analytics fills them, reporting reads them. */
export const clickhouseTables = [
  // An event that is recorded twice counts once: rows with the same key replace each other,
  // and queries read with FINAL.
  `CREATE TABLE IF NOT EXISTS impact (
     event_id String,
     occurred_at DateTime,
     profile_id String,
     company_id UInt64,
     kind String,
     minutes UInt32,
     points UInt32
   ) ENGINE = ReplacingMergeTree
   PARTITION BY toYYYYMM(occurred_at)
   ORDER BY (company_id, profile_id, occurred_at, event_id)`,
] as const;
