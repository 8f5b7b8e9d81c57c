// Every source must parse, and hold no tab, trailing space or forgotten debugger.
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from './files.js';

let problems = 0;
const report = (file, line, message) => {
  problems++;
  console.error(`${file}:${line}: ${message}`);
};

const files = globSync(['services', 'scripts'], '.js');
for (const file of files) {
  const parsed = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
  if (parsed.status !== 0) report(file, 1, parsed.stderr.trim());
  readFileSync(file).split('\n').forEach((text, i) => {
    if (/\t/.test(text)) report(file, i + 1, 'tab');
    if (/ $/.test(text)) report(file, i + 1, 'space at the end of the line');
    if (/^\s*debugger\b/.test(text)) report(file, i + 1, 'debugger');
  });
}
console.log(`${files.length} files, ${problems} problems`);
process.exit(problems ? 1 : 0);
