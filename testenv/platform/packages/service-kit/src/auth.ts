import { createHash, timingSafeEqual } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { HttpError } from './http.ts';

/** Who a token was issued to. */
export interface Claims {
  profileId: string;
  sessionId: string;
}

const issuer = 'teei';

export async function signToken(secret: string, claims: Claims, seconds: number): Promise<string> {
  return new SignJWT({ sid: claims.sessionId })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(issuer)
    .setSubject(claims.profileId)
    .setIssuedAt()
    .setExpirationTime(`${seconds}s`)
    .sign(new TextEncoder().encode(secret));
}

/** Reads a token, or answers 401. */
export async function verifyToken(secret: string, token: string): Promise<Claims> {
  try {
    const key = new TextEncoder().encode(secret);
    const { payload } = await jwtVerify(token, key, { issuer, algorithms: ['HS256'] });
    if (typeof payload.sub === 'string' && typeof payload['sid'] === 'string') {
      return { profileId: payload.sub, sessionId: payload['sid'] };
    }
  } catch {
    // Why a token is bad is nobody's business.
  }
  throw new HttpError(401, 'the token is not valid');
}

/** Compares keys in a time that does not depend on how much of them is right. */
export function sameKey(given: string | undefined, wanted: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(hash(given), hash(wanted));
}
