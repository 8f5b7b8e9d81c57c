import { expect, test } from 'vitest';
import { classify, embed, similarity } from '../src/text.ts';

test.each([
  ['How do I find a job?', ['work']],
  ['Rent a flat near the university', ['housing', 'study']],
  ['Hello there', []],
])('%s is about %j', (text, topics) => {
  expect(Object.keys(classify(text))).toEqual(topics);
});

test('similar texts are closer than others', () => {
  const near = similarity(embed('Where can I learn Norwegian?'), embed('Where do I learn norwegian'));
  const far = similarity(embed('Where can I learn Norwegian?'), embed('My tooth aches badly'));
  expect(near).toBeGreaterThan(0.8);
  expect(near).toBeGreaterThan(far);
  expect(similarity(embed('same'), embed('same'))).toBe(1);
  expect(similarity(embed(''), embed('same'))).toBeLessThan(1);
});
