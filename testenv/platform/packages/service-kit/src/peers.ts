/** Calls to the other services of the platform. */
import { describe } from '@teei/logger';
import type { Env } from './config.ts';
import { HttpError, type Request } from './http.ts';

/** Every service and its port, as in the table of the deployment procedure. */
export const ports = {
  'api-gateway': 3017,
  'unified-profile': 3018,
  'buddy-service': 3019,
  'q2q-ai': 3021,
  'safety-moderation': 3022,
  analytics: 3023,
  journey: 3024,
  'impact-in': 3025,
  'discord-bot': 3026,
  reporting: 4017,
  'corp-cockpit': 4327,
} as const;

export type ServiceName = keyof typeof ports;

export interface PeerRequest {
  method?: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Milliseconds until the peer is given up. Default: 5000. */
  timeout?: number;
}

export interface PeerReply {
  status: number;
  body: unknown;
}

export interface Peers {
  /** Where a peer is. */
  address(name: ServiceName): string;
  /** The peer's answer, whatever its status. 503 if it cannot be reached. */
  request(name: ServiceName, request: PeerRequest, on?: Request): Promise<PeerReply>;
  /** The body of a good answer. Others are passed on as errors. */
  call<T>(name: ServiceName, request: PeerRequest, on?: Request): Promise<T>;
}

/**
 * Where a service is: the variables Kubernetes sets for its Service (they need
 * no DNS), else NAME_URL, else its name in a cluster, else this machine.
 */
export function peerAddress(env: Env, name: ServiceName): string {
  const prefix = name.toUpperCase().replaceAll('-', '_');
  const host = env[`${prefix}_SERVICE_HOST`];
  if (host !== undefined) {
    const bracketed = host.includes(':') ? `[${host}]` : host;
    return `http://${bracketed}:${env[`${prefix}_SERVICE_PORT`] ?? ports[name]}`;
  }
  const url = env[`${prefix}_URL`];
  if (url !== undefined) return url.replace(/\/$/, '');
  return env['KUBERNETES_SERVICE_HOST'] !== undefined
    ? `http://${name}:${ports[name]}`
    : `http://localhost:${ports[name]}`;
}

export function createPeers(env: Env, apiKey: string): Peers {
  const send = async (name: ServiceName, request: PeerRequest, on?: Request): Promise<PeerReply> => {
    const init: RequestInit = {
      method: request.method ?? 'GET',
      headers: {
        'x-api-key': apiKey,
        ...(on === undefined ? {} : { 'x-request-id': on.id }),
        ...(on?.profileId === undefined ? {} : { 'x-profile-id': on.profileId }),
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...request.headers,
      },
      signal: AbortSignal.timeout(request.timeout ?? 5000),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    };
    const response = await fetch(peerAddress(env, name) + request.path, init);
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, body: json && text !== '' ? (JSON.parse(text) as unknown) : text };
  };

  const peers: Peers = {
    address: (name) => peerAddress(env, name),
    async request(name, request, on) {
      try {
        return await send(name, request, on);
      } catch (error) {
        // A pod that was replaced took its open connections with it. Ask its
        // successor, unless the request may have been carried out already.
        if (retriable(error, request.method ?? 'GET')) {
          try {
            return await send(name, request, on);
          } catch (again) {
            throw unreachable(name, again);
          }
        }
        throw unreachable(name, error);
      }
    },
    async call<T>(name: ServiceName, request: PeerRequest, on?: Request): Promise<T> {
      const reply = await peers.request(name, request, on);
      if (reply.status < 300) return reply.body as T;
      // A peer's 401 is our own key's fault, not the caller's.
      const status = reply.status === 401 || reply.status >= 500 ? 502 : reply.status;
      const said = (reply.body as { error?: string } | null)?.error ?? `status ${reply.status}`;
      throw new HttpError(status, `${name}: ${said}`);
    },
  };
  return peers;
}

function code(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  return cause?.code ?? '';
}

function retriable(error: unknown, method: string): boolean {
  if (code(error) === 'ECONNREFUSED') return true;
  return method === 'GET' && ['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE'].includes(code(error));
}

function unreachable(name: ServiceName, error: unknown): HttpError {
  // fetch itself only says that it failed.
  const reason = error instanceof Error ? (error.cause ?? error) : error;
  return new HttpError(503, `${name} cannot be reached: ${code(error) || describe(reason)}`);
}
