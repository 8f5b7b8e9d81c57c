// Copies each service's sources to its dist and proves that they load there.
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

for (const service of readdirSync('services')) {
  const dist = `services/${service}/dist`;
  rmSync(dist, { recursive: true, force: true });
  cpSync(`services/${service}/src`, dist, { recursive: true });
  const { [`${service === 'board' ? 'board' : 'ticket'}Server`]: server } = await import(pathToFileURL(`${dist}/server.js`));
  if (typeof server !== 'function') throw new Error(`${dist}/server.js exports no server`);
  console.log(`built ${dist}`);
}
