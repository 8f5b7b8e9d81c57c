import type { BuildOptions } from 'esbuild';

/**
 * How packages are built. A bundle is one file with all that its entry imports,
 * so a service's image is Node.js and that file. Otherwise dependencies stay
 * imports and are found in node_modules.
 */
export function buildOptions(entryPoints: string[], bundle: boolean): BuildOptions {
  return {
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
    ...(bundle ? { banner: { js: requireForBundles } } : {}),
    // A bundle is not minified: its traces can be read as they are.
    sourcemap: bundle ? false : 'linked',
    sourcesContent: false,
    logLevel: 'warning',
  };
}

const requireForBundles = "import { createRequire as cr } from 'node:module'; const require = cr(import.meta.url);";
