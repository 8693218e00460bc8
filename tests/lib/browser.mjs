/**
 * browser.mjs - a real browser for the tests of the pages: what goes wrong in a page is noted.
 *
 *   skipWithoutBrowser('the widget');             // ends the process when there is none
 *   const browser = await launchChromium();
 *   const page = await watched(context);          // page.wrong: errors, and what a policy refused
 *   await accessible(page, 'at the start');       // axe-core finds nothing (WCAG 2.2 AA)
 *   await shot(page, 'chat');                     // TANDEM_SHOTS=DIR: a picture of it
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { until } from './gateway.mjs';
import { chromiumPath, peer } from './peers.mjs';

export { launchChromium } from './peers.mjs';

export function skipWithoutBrowser(what) {
    const old = parseInt(process.versions.node) < 20; // playwright-core would end the process
    const missing = !chromiumPath ? 'chromium is not installed' : old ? 'it needs Node.js 20'
        : ['playwright-core', 'axe-core'].find(name => !peer(name));
    if (!missing) return;
    console.log(`ok 1 - ${what} # SKIP ${missing}${/ /.test(missing) ? '' : ': npm package is not installed'}`);
    process.exit(0);
}

/** A gateway that is away, and a file that is refused, are no errors of the page. */
const HARMLESS = /WebSocket connection|ERR_CONNECTION|status of (401|409|413|415|422)/;

/** A new page; `wrong` gathers what must not be. */
export async function watched(context, wrong = []) {
    const page = await context.newPage();
    page.wrong = wrong;
    page.setDefaultTimeout(10000);
    page.on('pageerror', error => wrong.push(String(error)));
    page.on('console', line => {
        if (line.type() === 'error' && !HARMLESS.test(line.text())) wrong.push(line.text());
    });
    await page.addInitScript(() => document.addEventListener('securitypolicyviolation', event =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`)));
    return page;
}

const axe = peer('axe-core')?.source;
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export async function accessible(page, state) {
    if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axe);
    const found = await page.evaluate(async rules => {
        // What is half way through a transition has no colour yet.
        await Promise.all(document.getAnimations().map(one => one.effect.getComputedTiming().iterations === Infinity
            ? null : one.finished.catch(() => null)));
        const { violations } = await axe.run(document, { runOnly: rules });
        return violations.flatMap(one => one.nodes.map(node =>
            `${one.id} ${node.target.join(' ')}: ${node.failureSummary.replace(/\s+/g, ' ')}`));
    }, RULES);
    assert.deepEqual(found, [], state);
}

const SETTLES = 15000; // ms; a page draws when it has time

/** What is drawn, or answered, a moment later: waits until `get` gives it, and else says what it gave. */
export async function becomes(get, wanted) {
    let got;
    await until(async () => isDeepStrictEqual(got = await get(), wanted), 'it', SETTLES).catch(() => assert.deepEqual(got, wanted));
}

export async function comesToMatch(get, wanted) {
    let got;
    await until(async () => wanted.test(got = await get()), 'it', SETTLES).catch(() => assert.match(got, wanted));
}

export const focused = locator => until(() => locator.evaluate(one => one.getRootNode().activeElement === one), `the focus on ${locator}`, SETTLES);

/** Nothing stands beside the page: a reader need not scroll two ways. */
export async function fits(page, state) {
    const [over, wide] = await page.evaluate(() => [document.documentElement.scrollWidth - innerWidth,
        [...document.querySelectorAll('body *')].filter(one => one.checkVisibility({ contentVisibilityAuto: true }) && one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => `${one.tagName}.${one.className}`).slice(0, 8)]);
    assert.ok(over <= 0, `${state}: ${over} px stand beside the page: ${wide}`);
}

export async function shot(page, name) {
    const dir = process.env.TANDEM_SHOTS;
    if (!dir) return;
    mkdirSync(dir, { recursive: true });
    await page.screenshot({ path: join(dir, `${name}.png`), animations: 'disabled' });
}

/** For a conf: no rule asks for a human before the agent does. */
export const AGENT_DECIDES = '[rule human]\ncode = customer_request\nwhen = want_human\nmode = off\n';
