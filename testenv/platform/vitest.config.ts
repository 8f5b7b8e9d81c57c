import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Workspace packages are read from their sources, so nothing has to be built first.
const conditions = ['teei-source', 'module', 'node'];

// One project for all packages: each of its own would be another Vite to start.
export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['{packages,services}/*/test/**/*.test.ts', 'e2e/test/**/*.test.ts'],
    globalSetup: [join(import.meta.dirname, 'tools/migrate-once.ts')],
    pool: 'threads',
    // Files share their workers' modules. What each needs of its own is in its world, not in globals.
    isolate: false,
    // Generous: they only tell a hang from a busy machine.
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
});
