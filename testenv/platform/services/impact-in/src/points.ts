/** Points for what somebody did: by the hour, and by kind. */
const perHour: Record<string, number> = { volunteering: 60, participation: 20, training: 40 };

export function points(kind: string, minutes: number): number {
  // A donation takes no time.
  if (kind === 'donation') return 25;
  return Math.round(((perHour[kind] ?? 10) * minutes) / 60);
}
