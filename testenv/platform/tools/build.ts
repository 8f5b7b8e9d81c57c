/**
 * Builds the package in the current folder: `node ../../tools/build.ts ENTRY…`.
 *
 * With --bundle, an entry and all that it imports become one file, so a
 * service's image is Node.js and that file. Without it, dependencies stay
 * imports and are found in node_modules.
 */
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

const args = process.argv.slice(2);
const bundle = args.includes('--bundle');
const entryPoints = args.filter((arg) => !arg.startsWith('--'));

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints,
  outdir: 'dist',
  bundle: true,
  packages: bundle ? 'bundle' : 'external',
  platform: 'node',
  target: 'node22',
  format: 'esm',
  // Workspace packages are bundled from their sources, whatever was built before.
  conditions: ['teei-source'],
  // Some dependencies are CommonJS and ask for require, which a module lacks.
  ...(bundle ? { banner: { js: "import { createRequire as cr } from 'node:module'; const require = cr(import.meta.url);" } } : {}),
  // A bundle is not minified: its traces can be read as they are.
  sourcemap: bundle ? false : 'linked',
  sourcesContent: false,
  logLevel: 'warning',
});
