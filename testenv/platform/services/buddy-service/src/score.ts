/** How well two people suit each other. */

export interface Traits {
  languages: string[];
  interests: string[];
}

export interface Candidate extends Traits {
  id: string;
  givenName: string;
  /** People they look after already. */
  matches: number;
}

/** Between 0 and 1. A language in common matters more than interests; a busy buddy is a worse one. */
export function score(participant: Traits, candidate: Candidate): number {
  const language = shared(participant.languages, candidate.languages) > 0 ? 1 : 0;
  const interests = shared(participant.interests, candidate.interests) / Math.max(1, participant.interests.length);
  const total = (0.6 * language + 0.4 * interests) / (1 + 0.25 * candidate.matches);
  return Math.round(total * 1000) / 1000;
}

/** The candidate who suits best; the first one of equals. */
export function best<C extends Candidate>(participant: Traits, candidates: C[]): { buddy: C; score: number } | undefined {
  let winner: { buddy: C; score: number } | undefined;
  for (const buddy of candidates) {
    const points = score(participant, buddy);
    if (winner === undefined || points > winner.score) winner = { buddy, score: points };
  }
  return winner;
}

function shared(left: string[], right: string[]): number {
  return left.filter((word) => right.includes(word)).length;
}
