import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

// Workspace packages are read from their sources, so nothing has to be built first.
const conditions = ['teei-source', 'module', 'node'];

const folders = ['packages', 'services'].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => join(parent, name)),
);

const project = (folder: string) => ({
  extends: true as const,
  test: { name: folder.split('/').pop() ?? folder, root: join(root, folder), include: ['test/**/*.test.ts'] },
});

export default defineConfig({
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    globalSetup: [join(root, 'tools/migrate-once.ts')],
    pool: 'threads',
    // All projects share their workers: eleven services start in a few threads, not in eleven times two.
    isolate: false,
    testTimeout: 15_000,
    hookTimeout: 30_000,
    projects: [...folders.map(project), project('e2e')],
  },
});
