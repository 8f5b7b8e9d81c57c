/** The cockpit: a page that shows companies how the platform is. */
import { createHash } from 'node:crypto';
import { defineService, Reply } from '@teei/service-kit';
import { page, script, styles } from './page.ts';

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

// Only what the page itself brings may run in it.
const policy = `default-src 'none'; connect-src 'self'; img-src data:; script-src ${hash(script)}; style-src ${hash(styles)}`;

export const service = defineService({
  name: 'corp-cockpit',
  needs: [],
  setup({ open, peers }) {
    open('GET', '/', () =>
      new Reply(200, page, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy }),
    );

    open('GET', '/api/status', async (request) => {
      const platform = await peers.call<{ status: string; services: { name: string }[] }>(
        'api-gateway',
        { path: '/api/platform' },
        request,
      );
      const impact = await peers
        .call<Record<string, number>>('api-gateway', { path: '/api/analytics/summary' }, request)
        .catch(() => null);
      return { ...platform, impact };
    });
  },
});
