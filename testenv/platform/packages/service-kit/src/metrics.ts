import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

export interface Metrics {
  registry: Registry;
  /** Makes a route's errors known at zero: a rate cannot be taken of what appears only once it failed. */
  expect(method: string, route: string): void;
  /** Counts a finished request. Probes and scrapes are not requests. */
  request(method: string, route: string, status: number, seconds: number): void;
  /** Counts an event taken from NATS. */
  event(subject: string, outcome: 'handled' | 'failed'): void;
}

export function createMetrics(service: string, options: { process: boolean }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (options.process) collectDefaultMetrics({ register: registry });

  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered.',
    labelNames,
    registers: [registry],
  });
  const errors = new Counter({
    name: 'http_request_errors_total',
    help: 'Requests answered with a status of 500 or more.',
    labelNames,
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time until a request was answered.',
    labelNames: ['method', 'route'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const events = new Counter({
    name: 'events_total',
    help: 'Events taken from NATS.',
    labelNames: ['subject', 'outcome'] as const,
    registers: [registry],
  });

  return {
    registry,
    expect: (method, route) => errors.inc({ method, route, status: '500' }, 0),
    request(method, route, status, seconds) {
      const labels = { method, route, status: String(status) };
      requests.inc(labels);
      if (status >= 500) errors.inc(labels);
      duration.observe({ method, route }, seconds);
    },
    event: (subject, outcome) => events.inc({ subject, outcome }),
  };
}
