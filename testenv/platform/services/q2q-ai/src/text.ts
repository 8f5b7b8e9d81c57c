/** What a text is about, without a model: deterministic, so that tests and releases compare. */

const topics: Record<string, RegExp> = {
  language: /\b(language|speak|norwegian|english|grammar|word|learn)/i,
  work: /\b(job|work|career|salary|interview|cv|colleague)/i,
  housing: /\b(flat|apartment|rent|landlord|housing|move)/i,
  health: /\b(doctor|health|hospital|sick|dentist)/i,
  study: /\b(school|university|course|study|degree|exam)/i,
};

/** Topics of a text, and how much of it is about each. */
export function classify(text: string): Record<string, number> {
  const words = text.split(/\s+/).length;
  const found: Record<string, number> = {};
  for (const [topic, pattern] of Object.entries(topics)) {
    const hits = text.match(new RegExp(pattern, 'gi'))?.length ?? 0;
    if (hits > 0) found[topic] = Math.min(1, Math.round((hits / words) * 1000) / 1000);
  }
  return found;
}

const dimensions = 32;

/** A vector of the text's trigrams, of length one. */
export function embed(text: string): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  const clean = ` ${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim()} `;
  for (let i = 0; i + 3 <= clean.length; i++) {
    let hash = 0;
    for (const char of clean.slice(i, i + 3)) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
    vector[hash % dimensions]! += 1;
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((x) => x / length);
}

/** Between 0 and 1 for vectors of embed. */
export function similarity(left: number[], right: number[]): number {
  const dot = left.reduce((sum, x, i) => sum + x * (right[i] ?? 0), 0);
  return Math.round(Math.max(0, Math.min(1, dot)) * 1000) / 1000;
}
