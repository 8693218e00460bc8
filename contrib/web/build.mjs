/**
 * build.mjs - makes the pages: node build.mjs OUT, in a directory with these sources and their npm
 * packages. What comes out is the same to the byte for the same sources and locked packages.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const out = resolve(process.argv[2] ?? 'pages'), root = import.meta.dirname;
const target = ['chrome123', 'firefox121', 'safari17.5'];
const shared = { root, configFile: false, logLevel: 'warn', base: './', publicDir: false };

execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', root], { stdio: 'inherit' });

await build({ ...shared, build: {
    outDir: out, emptyOutDir: true, target, cssTarget: target, assetsInlineLimit: 0, modulePreload: { polyfill: false },
    rollupOptions: { input: { chat: join(root, 'chat/index.html'), desk: join(root, 'desk/index.html'), report: join(root, 'desk/report/index.html') } },
} });
await build({ ...shared, build: {
    outDir: out, emptyOutDir: false, target, cssTarget: target,
    lib: { entry: join(root, 'widget/index.ts'), formats: ['iife'], name: 'tandem', fileName: () => 'widget.js' },
} });

for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (/\.(html|js|css|svg)$/.test(entry.name))
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
}
