/** ClickHouse over HTTP, in what versions since 18.16 understand. */

export class ClickHouse {
  readonly database: string;
  readonly #origin: string;
  readonly #headers: Record<string, string>;

  constructor(address: string, database: string) {
    const url = new URL(address);
    const named = url.searchParams.get('database') ?? url.pathname.replaceAll('/', '');
    this.database = named === '' ? database : named;
    this.#origin = url.origin;
    // fetch refuses addresses with a password in them.
    this.#headers = {
      ...(url.username === '' ? {} : { 'x-clickhouse-user': decodeURIComponent(url.username) }),
      ...(url.password === '' ? {} : { 'x-clickhouse-key': decodeURIComponent(url.password) }),
    };
  }

  /** Rows of a query. Values become literals: ch.query`select ${1}`. */
  async query<T>(strings: TemplateStringsArray, ...values: Value[]): Promise<T[]> {
    const sql = strings.reduce((text, part, i) => text + literal(values[i - 1] ?? null) + part);
    const text = await this.#send(`${sql} FORMAT JSONEachRow`);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  async insert(table: string, rows: object[]): Promise<void> {
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    await this.#send(lines, `INSERT INTO ${table} FORMAT JSONEachRow`);
  }

  /** Makes the database and its tables, if they are missing. */
  async ensure(tables: readonly string[]): Promise<void> {
    await this.#send(`CREATE DATABASE IF NOT EXISTS ${this.database}`, undefined, 'system');
    for (const table of tables) await this.#send(table);
  }

  async drop(): Promise<void> {
    await this.#send(`DROP DATABASE IF EXISTS ${this.database}`, undefined, 'system');
  }

  async ping(): Promise<void> {
    await this.#send('SELECT 1', undefined, 'system');
  }

  async #send(body: string, query?: string, database = this.database): Promise<string> {
    const parameters = new URLSearchParams({
      database,
      // Otherwise sums come as strings.
      output_format_json_quote_64bit_integers: '0',
      ...(query === undefined ? {} : { query }),
    });
    const response = await fetch(`${this.#origin}/?${parameters.toString()}`, {
      method: 'POST',
      headers: this.#headers,
      body,
      signal: AbortSignal.timeout(5000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`query ClickHouse: ${text.trim().split('\n', 1)[0]?.slice(0, 300)}`);
    return text;
  }
}

export type Value = string | number | boolean | null;

/** A value as ClickHouse writes it. */
export function literal(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return String(Number(value));
}
