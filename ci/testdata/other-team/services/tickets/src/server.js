import { createServer } from 'node:http';

/** The HTTP interface to a store of tickets. */
export function ticketServer(store) {
  return createServer(async (request, response) => {
    const answer = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    try {
      const [, collection, id, action] = new URL(request.url, 'http://tickets').pathname.split('/');
      const route = `${request.method} /${collection}${id ? '/:id' : ''}${action ? `/${action}` : ''}`;
      if (id && !/^\d{1,9}$/.test(id)) return answer(404, { error: 'no such ticket' });
      switch (route) {
        case 'GET /healthz':
          await store.ready();
          return answer(200, { status: 'ok' });
        case 'GET /tickets':
          return answer(200, { tickets: await store.list() });
        case 'POST /tickets': {
          const { title } = await body(request);
          if (typeof title !== 'string' || title === '') return answer(400, { error: 'title is missing' });
          return answer(201, await store.open(title));
        }
        case 'GET /tickets/:id': {
          const ticket = await store.find(id);
          return ticket ? answer(200, ticket) : answer(404, { error: 'no such ticket' });
        }
        case 'POST /tickets/:id/close':
          return (await store.close(id)) ? answer(200, { closed: true }) : answer(404, { error: 'no such open ticket' });
        default:
          return answer(404, { error: 'not found' });
      }
    } catch (error) {
      const known = error instanceof SyntaxError;
      if (!known) console.log(JSON.stringify({ level: 'error', message: error.message }));
      return answer(known ? 400 : 500, { error: known ? 'expected JSON' : 'internal error' });
    }
  });
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}
