/** Logs as one JSON object a line, so that whoever collects them can count levels. */

const levels = { debug: 10, info: 20, warn: 30, error: 40, fatal: 50 } as const;

export type Level = keyof typeof levels;

/** What a line says beside its message. An Error becomes its message and stack. */
export type Fields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  fatal(message: string, fields?: Fields): void;
  /** A logger whose lines all carry these fields. */
  with(fields: Fields): Logger;
}

export interface LoggerOptions {
  /** Lines below it are not written. Default: info. */
  level?: string | undefined;
  /** Where lines go. Default: standard output. */
  write?: (line: string) => void;
}

export function createLogger(service: string, options: LoggerOptions = {}): Logger {
  const least = options.level !== undefined && isLevel(options.level) ? levels[options.level] : levels.info;
  const write = options.write ?? ((line: string) => void process.stdout.write(line));

  const build = (bound: Fields): Logger => {
    const at = (level: Level) => (message: string, fields: Fields = {}) => {
      if (levels[level] < least) return;
      const line = { time: new Date().toISOString(), level, service, message, ...plain(bound), ...plain(fields) };
      write(JSON.stringify(line) + '\n');
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      fatal: at('fatal'),
      with: (fields) => build({ ...bound, ...fields }),
    };
  };
  return build({});
}

function isLevel(name: string): name is Level {
  return name in levels;
}

function plain(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? { name: value.name, message: describe(value), stack: value.stack } : value,
    ]),
  );
}

/** An error's message. A refused connection has an empty one and its reasons inside. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error.name;
}
