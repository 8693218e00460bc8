/**
 * peers.mjs - npm packages that the tests use: tests/channels/package.json, installed into the
 * build directory by contrib/check. null when a package is not there: skip, do not fail.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { builddir } from './gateway.mjs';

export function peer(name) {
    try {
        return createRequire(join(builddir, 'tests/channels/'))(name);
    } catch (error) {
        if (error.code === 'MODULE_NOT_FOUND') return null;
        throw error;
    }
}

export const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

/** A browser that talks to nobody but the test. */
export function launchChromium() {
    return peer('playwright-core').chromium.launch({
        executablePath: chromiumPath,
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}
