/**
 * Faults on demand: the variable FAULT breaks a service in one chosen way, so
 * that a release of a broken version can be tried. Never set in manifests.
 */

export type Fault =
  | { kind: 'none' | 'exit' | 'never-ready' | 'health-500' | 'error-logs' | 'no-database' }
  | { kind: 'exit-after' | 'slow-start' | 'slow'; ms: number }
  | { kind: 'errors'; share: number };

const plain = ['exit', 'never-ready', 'health-500', 'error-logs', 'no-database'] as const;
const timed = ['exit-after', 'slow-start', 'slow'] as const;

export function parseFault(text: string | undefined): Fault {
  if (text === undefined || text === '') return { kind: 'none' };
  const [name = '', argument] = text.split(':', 2);

  for (const kind of plain) {
    if (name === kind && argument === undefined) return { kind };
  }
  for (const kind of timed) {
    const ms = milliseconds(argument);
    if (name === kind && ms !== undefined) return { kind, ms };
  }
  if (name === 'errors' && argument !== undefined && /^(0(\.\d+)?|1(\.0+)?)$/.test(argument)) {
    return { kind: 'errors', share: Number(argument) };
  }
  throw new Error(
    `read FAULT: ${JSON.stringify(text)} is none of exit, exit-after:20s, never-ready, health-500, ` +
      'errors:0.3, error-logs, slow-start:20s, slow:800ms, no-database',
  );
}

function milliseconds(text: string | undefined): number | undefined {
  const match = /^(\d+)(ms|s|m)$/.exec(text ?? '');
  if (match === null) return undefined;
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[match[2] as 'ms' | 's' | 'm'];
}

/** Says for each request whether it must fail. Every nth does, so that tests can count on it. */
export function failing(share: number): () => boolean {
  let owed = 0;
  return () => {
    owed += share;
    // A little slack: ten times 0.3 is 2.9999999999999996.
    if (owed < 1 - 1e-9) return false;
    owed -= 1;
    return true;
  };
}
