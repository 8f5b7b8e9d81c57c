/** A small router over node:http: JSON in, JSON out. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@teei/logger';
import * as v from 'valibot';

/** An answer that is not 200 with JSON. */
export class Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Record<string, string>;

  constructor(status: number, body?: unknown, headers: Record<string, string> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Thrown by handlers: the caller gets the status and the message. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Request {
  method: string;
  path: string;
  /** Parts of the path, as in /profiles/:id. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  /** Address of the caller. */
  remote: string;
  /** Parsed JSON, or undefined where there was none. */
  body: unknown;
  /** Follows a request through all services. */
  id: string;
  /** The person on whose behalf the request is made, if the gateway named one. */
  profileId: string | undefined;
  log: Logger;
}

export type Handler = (request: Request) => unknown;

export interface Route {
  method: string;
  path: string;
  handler: Handler;
  /** Served without API key. */
  open: boolean;
}

export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** Finds the route of a request. 405 where only the method is wrong. */
export function matchRoute(routes: Route[], method: string, path: string): Match {
  const parts = path.split('/');
  let known = false;
  for (const route of routes) {
    const params = matchPath(route.path.split('/'), parts);
    if (params === undefined) continue;
    if (route.method === method) return { route, params };
    known = true;
  }
  throw known
    ? new HttpError(405, `${method} is not allowed for ${path}`)
    : new HttpError(404, `there is nothing at ${path}`);
}

function matchPath(pattern: string[], parts: string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, want] of pattern.entries()) {
    const part = parts[i] ?? '';
    if (want.startsWith(':') && part !== '') params[want.slice(1)] = decode(part);
    else if (want !== part) return undefined;
  }
  return params;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpError(400, 'the path is not well-formed');
  }
}

const mostBytes = 256 * 1024;

export async function readBody(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) throw new HttpError(413, `the body is larger than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
}

export function writeReply(response: ServerResponse, reply: Reply): void {
  const { status, body, headers } = reply;
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  const content = body === undefined ? '' : raw ? body : JSON.stringify(body);
  response.writeHead(status, {
    ...(raw || body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    'content-length': Buffer.byteLength(content),
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(content);
}

/** Checks what a caller sent, or answers 400 with everything that is wrong with it. */
export function check<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value ?? {});
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'body'}: ${issue.message}`);
  throw new HttpError(400, problems.join('; '));
}

const uuid = v.pipe(v.string(), v.uuid());

/** A part of the path that must be a UUID. Nothing else can exist, so 404. */
export function uuidParam(request: Request, name: string): string {
  const value = request.params[name];
  if (!v.is(uuid, value)) throw new HttpError(404, `there is no such ${name}`);
  return value;
}

/** A request's own id, or one that its caller gave it. */
export function requestId(headers: IncomingMessage['headers']): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
}
