/** Builds the package in the current folder: `node ../../tools/build.ts [--bundle] ENTRY…`. */
import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { buildOptions } from './options.ts';

const args = process.argv.slice(2);
const entries = args.filter((arg) => arg !== '--bundle');

rmSync('dist', { recursive: true, force: true });
await build(buildOptions(entries, args.includes('--bundle')));
