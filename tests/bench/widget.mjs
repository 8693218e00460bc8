/**
 * widget.mjs - what the chat costs a page on a slow phone: the time until one can write, against the
 * same page without it, in the same run (CPU four times slower, 1.6 Mbit/s, 150 ms, nothing cached).
 *
 *   node tests/bench/widget.mjs [RUNS]
 *
 * Ends with 1 when it is ready more than 1.5 s after the empty page, with 77 without a browser.
 */
import { createServer } from 'node:http';
import { Gateway } from '../lib/gateway.mjs';
import { chromiumPath, launchChromium, peer } from '../lib/peers.mjs';

const runs = Number(process.argv[2] ?? 7), MOST = 1500; // ms
if (!chromiumPath || !peer('playwright-core')) {
    console.log('chromium or npm playwright-core is not there: nothing is measured');
    process.exit(77);
}

const gw = await Gateway.start({ conf: '[channel web]\ntype = webchat\nagent = e\n[agent e]\ntype = echo\n' });
const site = createServer((req, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end('<!doctype html><html lang=en><meta name=viewport content="width=device-width"><title>Shop</title><h1>Shop</h1>' +
        (req.url === '/chat' ? `<script src="${gw.url}/widget.js" data-channel="web" data-open="" async></script>` : ''));
});
await new Promise(done => site.listen(0, '127.0.0.1', done));
const browser = await launchChromium();

/** From the navigation until the page is there, or until one can write. */
async function once(path) {
    const context = await browser.newContext({ viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true });
    const page = await context.newPage(), cdp = await context.newCDPSession(page);
    await cdp.send('Network.enable');
    await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 200000, uploadThroughput: 94000 });
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    const since = performance.now();
    await page.goto(`http://127.0.0.1:${site.address().port}${path}`, { waitUntil: 'load' });
    if (path === '/chat') await page.locator('.panel.online').waitFor({ timeout: 60000 });
    const ms = performance.now() - since;
    await context.close();
    return ms;
}

const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];
const empty = [], chat = [];
for (let i = 0; i < runs; i++) {
    empty.push(await once('/'));
    chat.push(await once('/chat'));
}
const [a, b] = [median(empty), median(chat)];
console.log(`empty page ${Math.round(a)} ms, with the chat ready ${Math.round(b)} ms: ${(b / a).toFixed(2)} times, ` +
    `${Math.round(b - a)} ms more (at most ${MOST}); medians of ${runs}`);
await browser.close();
site.closeAllConnections();
site.close();
await gw.close();
process.exitCode = b - a <= MOST ? 0 : 1;
