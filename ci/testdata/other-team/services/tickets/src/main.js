import { ticketServer } from './server.js';
import { openStore } from './store.js';

const port = Number(process.env.PORT ?? 4101);
const store = await openStore(process.env.DATABASE_URL);
const server = ticketServer(store).listen(port, () => console.log(JSON.stringify({ level: 'info', message: `listening on ${port}` })));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => server.close(async () => {
    await store.end();
    process.exit(0);
  }));
}
