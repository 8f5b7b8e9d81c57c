/** What a service reads from its environment, checked before it starts. */

export type Env = Record<string, string | undefined>;

/** Servers a service can need, and the variable that says where each is. */
export const variables = {
  postgres: 'DATABASE_URL',
  clickhouse: 'CLICKHOUSE_URL',
  redis: 'REDIS_URL',
  nats: 'NATS_URL',
} as const;

export type Need = keyof typeof variables;

export interface Config {
  port: number;
  logLevel: string;
  jwtSecret: string;
  apiKey: string;
  urls: Partial<Record<Need, string>>;
  /** First part of every NATS subject, so that installations can share a server. */
  natsPrefix: string;
  /** Database in ClickHouse, unless its URL names one. */
  clickhouseDatabase: string;
  /** How long a stopping service still answers, until the cluster has stopped sending it requests. */
  shutdownDelay: number;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the configuration, or says everything that is wrong with it at once. */
export function readConfig(env: Env, needs: readonly Need[], defaultPort: number): Config {
  const problems: string[] = [];
  const required = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') problems.push(`${name} is not set`);
    return value ?? '';
  };
  const number = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0) problems.push(`${name} is not a whole number`);
    return value;
  };

  const urls: Partial<Record<Need, string>> = {};
  for (const need of needs) {
    const value = required(variables[need]);
    if (value !== '' && !URL.canParse(value)) problems.push(`${variables[need]} is not a URL`);
    urls[need] = value;
  }
  const jwtSecret = required('JWT_SECRET');
  if (jwtSecret !== '' && jwtSecret.length < 16) problems.push('JWT_SECRET is shorter than 16 characters');
  const config: Config = {
    port: number('PORT', defaultPort),
    logLevel: env['LOG_LEVEL'] ?? 'info',
    jwtSecret,
    apiKey: required('API_KEY'),
    urls,
    natsPrefix: env['NATS_PREFIX'] ?? 'teei',
    clickhouseDatabase: env['CLICKHOUSE_DATABASE'] ?? 'teei',
    shutdownDelay: number('SHUTDOWN_DELAY_MS', 0),
  };
  if (problems.length > 0) throw new ConfigError(`read configuration: ${problems.join(', ')}`);
  return config;
}
