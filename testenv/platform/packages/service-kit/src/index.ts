/** What every service of the platform is made of. */
export { describe, type Logger } from '@teei/logger';
export { type Claims, sameKey, signToken, verifyToken } from './auth.ts';
export { ClickHouse } from './clickhouse.ts';
export type { Env, Need } from './config.ts';
export type { Redis } from './clients.ts';
export type { Events, PlatformEvents, Subject } from './events.ts';
export { check, HttpError, Reply, type Request, uuidParam } from './http.ts';
export { type Peers, ports, type ServiceName } from './peers.ts';
export { run } from './run.ts';
export { type Context, defineService, type Running, type Service, start } from './service.ts';
