import { expect, test } from 'vitest';
import { best, score } from '../src/score.ts';

const guest = { languages: ['english', 'ukrainian'], interests: ['chess', 'cooking'] };
const buddy = { id: 'a', givenName: 'Ada', languages: ['english'], interests: ['chess'], matches: 0 };

test.each([
  ['a language and half of the interests', {}, 0.8],
  ['all interests', { interests: ['cooking', 'chess', 'ski'] }, 1],
  ['no language in common', { languages: ['norwegian'] }, 0.2],
  ['nothing in common', { languages: [], interests: [] }, 0],
  ['somebody else to look after', { matches: 1 }, 0.64],
])('%s', (_, more, points) => {
  expect(score(guest, { ...buddy, ...more })).toBe(points);
});

test('the best one wins, and the first of equals', () => {
  const second = { ...buddy, id: 'b' };
  const busy = { ...buddy, id: 'c', matches: 3 };
  expect(best(guest, [busy, buddy, second])).toEqual({ buddy, score: 0.8 });
  expect(best(guest, [])).toBeUndefined();
});
