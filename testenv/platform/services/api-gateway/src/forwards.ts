import type { Request, ServiceName } from '@teei/service-kit';

export interface Forward {
  /** Method and path at the gateway. */
  from: string;
  to: ServiceName;
  /** Path at the service. */
  path: (request: Request) => string;
  /** Only for the profile named in the path. */
  own?: true;
}

const id = (request: Request, name = 'id') => encodeURIComponent(request.params[name] ?? '');

/** What the gateway passes on, and to whom. */
export const forwards: Forward[] = [
  { from: 'GET /api/profiles/:profileId', to: 'unified-profile', path: (r) => `/profiles/${id(r, 'profileId')}`, own: true },
  { from: 'PATCH /api/profiles/:profileId', to: 'unified-profile', path: (r) => `/profiles/${id(r, 'profileId')}`, own: true },
  { from: 'DELETE /api/profiles/:profileId', to: 'unified-profile', path: (r) => `/profiles/${id(r, 'profileId')}`, own: true },
  { from: 'POST /api/matches', to: 'buddy-service', path: () => '/matches' },
  { from: 'GET /api/matches/:id', to: 'buddy-service', path: (r) => `/matches/${id(r)}` },
  { from: 'POST /api/matches/:id/sessions', to: 'buddy-service', path: (r) => `/matches/${id(r)}/sessions` },
  { from: 'POST /api/questions', to: 'q2q-ai', path: () => '/questions' },
  { from: 'GET /api/questions/:id', to: 'q2q-ai', path: (r) => `/questions/${id(r)}` },
  { from: 'POST /api/moderation', to: 'safety-moderation', path: () => '/checks' },
  { from: 'GET /api/journeys/:profileId', to: 'journey', path: (r) => `/journeys/${id(r, 'profileId')}`, own: true },
  { from: 'GET /api/notifications/:profileId', to: 'journey', path: (r) => `/notifications/${id(r, 'profileId')}`, own: true },
  { from: 'POST /api/nlq', to: 'journey', path: () => '/nlq' },
  { from: 'GET /api/impact/:profileId', to: 'impact-in', path: (r) => `/impact/${id(r, 'profileId')}`, own: true },
  { from: 'GET /api/analytics/profiles/:profileId', to: 'analytics', path: (r) => `/profiles/${id(r, 'profileId')}`, own: true },
  { from: 'GET /api/analytics/summary', to: 'analytics', path: () => '/summary' },
  { from: 'POST /api/discord/interactions', to: 'discord-bot', path: () => '/interactions' },
  { from: 'POST /api/reports', to: 'reporting', path: () => '/reports' },
  { from: 'GET /api/reports/:id', to: 'reporting', path: (r) => `/reports/${id(r)}` },
];
