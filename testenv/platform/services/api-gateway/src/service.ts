/** The way in: sessions, rate limits, and every request on to the service that answers it. */
import { type Context, defineService, HttpError, type Request, Reply } from '@teei/service-kit';
import { type Caller, createSessions } from './sessions.ts';
import { limiter } from './limits.ts';
import { platformStatus } from './status.ts';
import { forwards } from './forwards.ts';

export const service = defineService({
  name: 'api-gateway',
  needs: ['redis'],
  setup(context) {
    const { open, peers, redis, config } = context;
    const sessions = createSessions(redis, config);
    const limit = limiter(context);

    // Whoever registers is signed in with it.
    open('POST', '/api/profiles', async (request) => {
      await limit(request);
      const reply = await peers.request('unified-profile', { method: 'POST', path: '/profiles', body: request.body }, request);
      if (reply.status !== 201) return new Reply(reply.status, reply.body);
      const profile = reply.body as { id: string };
      return new Reply(201, { ...profile, token: await sessions.begin(profile.id) });
    });

    // Only a trusted client, which has checked who this is, can sign somebody in.
    open('POST', '/api/sessions', async (request) => {
      await limit(request);
      const caller = await sessions.caller(request);
      if (caller.kind !== 'client') throw new HttpError(403, 'only trusted clients begin sessions');
      const email = (request.body as { email?: unknown } | undefined)?.email;
      if (typeof email !== 'string') throw new HttpError(400, 'email: must be a string');
      const path = `/profiles?email=${encodeURIComponent(email)}`;
      const profile = await peers.call<{ id: string }>('unified-profile', { path }, request);
      return new Reply(201, { profileId: profile.id, token: await sessions.begin(profile.id) });
    });

    open('DELETE', '/api/sessions', async (request) => {
      const caller = await sessions.caller(request);
      if (caller.kind === 'profile') await sessions.end(caller.sessionId);
      return new Reply(204);
    });

    open('GET', '/api/platform', () => platformStatus(peers));

    for (const forward of forwards) {
      const [method = 'GET', path = '/'] = forward.from.split(' ');
      open(method, path, async (request) => {
        await limit(request);
        const caller = await sessions.caller(request);
        if (forward.own === true) mustBeOwn(caller, request);
        return pass(context, forward.to, forward.path(request), request, caller);
      });
    }
  },
});

/** People see what is theirs. Trusted clients see everybody's. */
function mustBeOwn(caller: Caller, request: Request): void {
  if (caller.kind === 'profile' && caller.profileId !== request.params['profileId']) {
    throw new HttpError(403, 'this belongs to somebody else');
  }
}

async function pass(
  { peers }: Context<'redis'>,
  to: (typeof forwards)[number]['to'],
  path: string,
  request: Request,
  caller: Caller,
): Promise<Reply> {
  const on = { ...request, profileId: caller.kind === 'profile' ? caller.profileId : undefined };
  const query = request.query.size > 0 ? `?${request.query.toString()}` : '';
  const reply = await peers.request(to, { method: request.method, path: path + query, body: request.body }, on);
  // A service that refuses the platform's own key is broken; the caller is not to blame.
  if (reply.status === 401) throw new HttpError(502, `${to} refused the platform's API key`);
  return new Reply(reply.status, reply.body === '' ? undefined : reply.body);
}
