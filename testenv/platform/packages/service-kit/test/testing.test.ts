import { ClickHouse } from '@teei/service-kit';
import { createWorld } from '@teei/service-kit/testing';
import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => vi.unstubAllEnvs());

test.each(['/named', '/?database=named'])('a world leaves the database alone that %s names', async (rest) => {
  const address = new URL(rest, process.env['CLICKHOUSE_URL']);
  vi.stubEnv('CLICKHOUSE_URL', address.href);
  expect(new ClickHouse(address.href, 'unnamed').database).toBe('named');

  const world = createWorld();
  const own = new ClickHouse(world.env['CLICKHOUSE_URL'] ?? '', world.env['CLICKHOUSE_DATABASE'] ?? '');
  expect(own.database).toBe(world.env['CLICKHOUSE_DATABASE']);
  await own.ensure([]);
  await world.close();
  await expect(own.query`SHOW DATABASES`).rejects.toThrow(own.database);
});
