import { describe, type Peers, ports, type ServiceName } from '@teei/service-kit';

export interface ServiceStatus {
  name: ServiceName;
  port: number;
  status: 'up' | 'unready' | 'down';
  ms: number;
  detail?: unknown;
}

/** Asks every service how it is. The gateway answers for itself by answering. */
export async function platformStatus(peers: Peers): Promise<{ status: string; services: ServiceStatus[] }> {
  const names = Object.keys(ports) as ServiceName[];
  const services = await Promise.all(names.map((name) => serviceStatus(peers, name)));
  const good = services.every((service) => service.status === 'up');
  return { status: good ? 'up' : 'degraded', services };
}

async function serviceStatus(peers: Peers, name: ServiceName): Promise<ServiceStatus> {
  const begun = performance.now();
  const status = (value: ServiceStatus['status'], detail?: unknown): ServiceStatus => ({
    name,
    port: ports[name],
    status: value,
    ms: Math.round(performance.now() - begun),
    ...(detail === undefined ? {} : { detail }),
  });
  if (name === 'api-gateway') return status('up');
  try {
    const reply = await peers.request(name, { path: '/health/ready', timeout: 2500 });
    const detail = (reply.body as { dependencies?: unknown }).dependencies;
    return status(reply.status === 200 ? 'up' : 'unready', detail);
  } catch (error) {
    return status('down', describe(error));
  }
}
