import { expect, test } from 'vitest';
import { createLogger, describe as say } from '../src/index.ts';

function collect(level?: string) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, log: createLogger('test', { level, write }) };
}

test('writes one object a line, with level, service and fields', () => {
  const { lines, log } = collect();
  log.with({ requestId: 'r1' }).error('broken', { port: 1 });
  expect(lines).toMatchObject([{ level: 'error', service: 'test', message: 'broken', requestId: 'r1', port: 1 }]);
  expect(Date.parse(String(lines[0]?.['time']))).toBeGreaterThan(0);
});

test.each([
  ['debug', 5],
  ['warn', 3],
  [undefined, 4],
  ['loud', 4],
])('at level %s writes %i of five lines', (level, count) => {
  const { lines, log } = collect(level);
  for (const name of ['debug', 'info', 'warn', 'error', 'fatal'] as const) log[name](name);
  expect(lines).toHaveLength(count);
});

test('errors keep their message and stack', () => {
  const { lines, log } = collect();
  log.error('broken', { error: new TypeError('no') });
  expect(lines[0]?.['error']).toMatchObject({ name: 'TypeError', message: 'no' });
});

test('says what is inside an error without a message', () => {
  expect(say(new AggregateError([new Error('refused'), new Error('late')]))).toBe('refused; late');
  expect(say(new RangeError())).toBe('RangeError');
  expect(say('plain')).toBe('plain');
});
