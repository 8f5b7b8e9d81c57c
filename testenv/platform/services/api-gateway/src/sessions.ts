import { randomUUID } from 'node:crypto';
import { HttpError, type Redis, type Request, sameKey, signToken, verifyToken } from '@teei/service-kit';

/** Who makes a request: a person with a session, or a trusted client with the API key. */
export type Caller = { kind: 'profile'; profileId: string; sessionId: string } | { kind: 'client' };

export interface Sessions {
  /** Begins a session and returns its token. */
  begin(profileId: string): Promise<string>;
  end(sessionId: string): Promise<void>;
  /** Who makes this request, or 401. */
  caller(request: Request): Promise<Caller>;
}

const seconds = 12 * 60 * 60;

/** Sessions live in Redis, so that signing out ends one before its token expires. */
export function createSessions(redis: Redis, config: { jwtSecret: string; apiKey: string }): Sessions {
  const key = (sessionId: string) => `session:${sessionId}`;
  return {
    async begin(profileId) {
      const sessionId = randomUUID();
      await redis.set(key(sessionId), profileId, { expiration: { type: 'EX', value: seconds } });
      return signToken(config.jwtSecret, { profileId, sessionId }, seconds);
    },
    async end(sessionId) {
      await redis.del(key(sessionId));
    },
    async caller(request) {
      const apiKey = request.headers['x-api-key'];
      if (typeof apiKey === 'string') {
        if (sameKey(apiKey, config.apiKey)) return { kind: 'client' };
        throw new HttpError(401, 'the API key is wrong');
      }
      const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (token === undefined) throw new HttpError(401, 'sign in first');
      const claims = await verifyToken(config.jwtSecret, token);
      if ((await redis.get(key(claims.sessionId))) !== claims.profileId) {
        throw new HttpError(401, 'the session has ended');
      }
      return { kind: 'profile', ...claims };
    },
  };
}
