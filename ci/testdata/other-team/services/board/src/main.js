import { boardServer } from './server.js';

const port = Number(process.env.PORT ?? 4102);
const server = boardServer(process.env.TICKETS_URL ?? 'http://127.0.0.1:4101')
  .listen(port, () => console.log(JSON.stringify({ level: 'info', message: `listening on ${port}` })));

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => process.exit(0)));
