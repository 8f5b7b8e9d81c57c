import { readdirSync, readFileSync as read } from 'node:fs';
import { join } from 'node:path';

/** The files below some folders with that ending, sorted. */
export function globSync(folders, ending) {
  const files = [];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist') continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (path.endsWith(ending)) files.push(path);
    }
  };
  folders.forEach(walk);
  return files.sort();
}

export const readFileSync = (file) => read(file, 'utf8');
