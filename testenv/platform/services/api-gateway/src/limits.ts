import { type Context, describe, HttpError, type Request } from '@teei/service-kit';

/** Counts each caller's requests by minute, in Redis, so that all instances count together. */
export function limiter({ redis, env }: Context<'redis'>): (request: Request) => Promise<void> {
  const most = Number(env['RATE_LIMIT_PER_MINUTE'] ?? 6000);
  return async (request) => {
    const minute = Math.floor(Date.now() / 60_000);
    const key = `limit:${minute}:${request.headers.authorization?.slice(-24) ?? request.remote}`;
    let count: number;
    try {
      count = await redis.incr(key);
      if (count === 1) await redis.expire(key, 120);
    } catch (error) {
      // Better no limit for a moment than no platform.
      request.log.warn(`count requests: ${describe(error)}`);
      return;
    }
    if (count > most) throw new HttpError(429, `more than ${most} requests in a minute`);
  };
}
