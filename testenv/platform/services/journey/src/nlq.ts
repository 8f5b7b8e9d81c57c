/** Questions in plain words, turned into one of the numbers we have. */

export type Metric = 'hours' | 'points' | 'conversations';

const patterns: [Metric, RegExp][] = [
  ['hours', /\b(hours?|minutes?|how long|time)\b/i],
  ['points', /\b(points?|score|impact)\b/i],
  ['conversations', /\b(conversations?|sessions?|meetings?|how often|times)\b/i],
];

export function understand(question: string): Metric | undefined {
  return patterns.find(([, pattern]) => pattern.test(question))?.[0];
}

export function answer(metric: Metric, sums: { events: number; minutes: number; points: number }) {
  const value = {
    hours: Math.round((sums.minutes / 60) * 10) / 10,
    points: sums.points,
    conversations: sums.events,
  }[metric];
  return { value, text: `${value} ${metric} so far.` };
}
