/** desk_looks.mjs - the desk page in light and dark, small and large, and with very much to show. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Bot } from '../lib/bot.mjs';
import { AGENT_DECIDES, accessible, fits, launchChromium, shot, skipWithoutBrowser } from '../lib/browser.mjs';
import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Human } from '../lib/human.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

skipWithoutBrowser('how the desk looks');

const TALKS = 10, MESSAGES = 1000, ROUND = 50, LONGEST = 100; // ms that a page may be busy in one go

const bot = await Bot.start(text => !/person/.test(text) ? 'I am sorry to hear that. What is the **order number**, please?' : {
    decision: 'escalate', escalate: { code: 'refund_dispute', text: 'The refund is over the limit of the policy.' },
    summary: 'Bought two oak chairs (A-10023) that came scratched and wants the money back; 480 EUR is more than the assistant may grant.',
    intent: { name: 'refund', confidence: 0.93 }, entities: { order_id: 'A-10023', amount: '480 EUR' } });
const gw = await Gateway.start({ conf: `${AGENT_DECIDES}
[agent front]
type = http
url = ${bot.url}
[channel web]
type = webchat
agent = front
rate = 0
[desk support]
type = web
allow = name, order_id, amount
[queue billing]
desk = support
[human mia]
name = Mia Holm
token = token-of-mia
capacity = 50
supervise = yes
` });
const browser = await launchChromium();
const desk = new Desk(gw, 'token-of-mia');

after(async () => {
    await browser.close();
    await gw.close();
    bot.stop();
});

async function waiting(name) {
    const chat = await Chat.open(gw, 'web', { hello: { customer: { id: name.toLowerCase(), name }, locale: 'en-GB', timezone: 'Europe/Copenhagen' } });
    await chat.say('Hi, the two chairs came with deep scratches.');
    await chat.next(f => f.type === 'message' && f.author.kind === 'agent');
    await chat.say('I want to talk to a person about my money');
    const { id } = await until(async () => (await desk.list()).find(one => one.session === chat.welcome.session), 'the handoff', 20000);
    return { chat, id };
}

async function looks(mia, dana, colorScheme) {
    const { page } = mia;
    await page.getByLabel('Presence').selectOption('available');
    await mia.tab('Waiting').click();
    await mia.card('Dana Reyes').waitFor();
    await accessible(page, 'the queue');
    await shot(page, `desk-queue-${colorScheme}`);
    await mia.accept('Dana Reyes');
    await mia.write('Hello Dana, I have read it all. Could you send me a **photo**?');
    await dana.chat.say('Of course, here it comes.');
    await mia.sees('here it comes');
    await page.keyboard.press('Alt+n');
    await mia.write('The third scratched delivery this week.');
    await page.locator('.log .note').waitFor();
    await page.keyboard.press('Alt+r');
    await accessible(page, 'a conversation');
    await shot(page, `desk-${colorScheme}`);
    await page.keyboard.press('Alt+b');
    await accessible(page, 'a dialog');
    await shot(page, `desk-return-${colorScheme}`);
    await page.keyboard.press('Escape');
    await mia.closed();
    await page.setViewportSize({ width: 320, height: 640 });
    await accessible(page, 'narrow');
    await fits(page, 'narrow');
    await shot(page, `desk-narrow-${colorScheme}`);
    await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
    await accessible(page, 'text of 200 %');
    await fits(page, 'text of 200 %');
    await mia.box.scrollIntoViewIfNeeded();
    assert.ok((await mia.box.boundingBox()).width > 150);
    await shot(page, `desk-200-${colorScheme}`);
    await page.getByRole('button', { name: 'Back', exact: true }).click();
    await fits(page, 'the list, text of 200 %');
    await accessible(page, 'the list, text of 200 %');
}

for (const colorScheme of ['light', 'dark']) {
    test(`no rule of accessibility is broken, ${colorScheme}, large, at 320 px, with text of 200 %`, async () => {
        const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce', viewport: { width: 1280, height: 800 } }), wrong = [];
        const dana = await waiting('Dana Reyes'), bo = await waiting('Bo');
        try {
            await looks(await Human.enter(context, gw, 'token-of-mia', wrong), dana, colorScheme);
            assert.deepEqual(wrong, []);
        } finally {
            await context.close();
            for (const { chat, id } of [dana, bo]) {
                await desk.post(`/handoffs/${id}/accept`);
                await desk.post(`/handoffs/${id}/close`, {});
                chat.close();
            }
        }
    });
}

test('ten conversations of a thousand messages stay smooth', async t => {
    const all = await Promise.all(Array.from({ length: TALKS }, (_, i) => waiting(`Customer ${i}`)));
    for (const { id } of all) await desk.post(`/handoffs/${id}/accept`);
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } }), wrong = [];
    const mia = await Human.enter(context, gw, 'token-of-mia', wrong), { page } = mia;
    await until(async () => await page.locator('.card').count() === TALKS, 'all of them', 20000);
    await Promise.all(all.map(async ({ chat, id }, i) => {
        for (let n = 0; n < MESSAGES; n += ROUND) {
            for (let k = n; k < n + ROUND; k++) chat.send({ type: 'message', id: `m${k}`, text: `message ${k} of ${i} `.repeat(1 + k % 7) });
            await chat.next(f => f.type === 'accepted' && f.id === `m${n + ROUND - 1}`, 60000);
            await desk.post(`/handoffs/${id}/messages`, { id: `h${n}`, text: 'Go on.' }); // or nobody would hear more
        }
    }));
    const longest = []; // of each conversation: a machine that is busy with other things is so for some only
    await page.evaluate(() => {
        window.busy = [];
        new PerformanceObserver(list => list.getEntries().forEach(one => window.busy.push(Math.round(one.duration)))).observe({ type: 'longtask' });
    });
    for (let i = 1; i <= 9; i += 4) {
        await page.evaluate(() => { window.busy = []; });
        await page.keyboard.press(`Alt+${i}`);
        const log = page.locator('.log');
        await log.getByText('message 999 of').first().waitFor({ timeout: 30000 });
        assert.ok(await page.locator('.log .item').count() < 100, 'only what is near is there');
        await log.hover();
        const seen = new Set();
        for (let k = 0; k < 24; k++) {
            await page.mouse.wheel(0, k < 16 ? -2400 : 2400);
            await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
            seen.add(await page.locator('.log .item').first().getAttribute('aria-posinset'));
        }
        assert.ok(seen.size > 10, 'it has been scrolled');
        longest.push(Math.max(0, ...await page.evaluate(() => window.busy)));
    }
    t.diagnostic(`the longest tasks while scrolling: ${longest} ms`);
    assert.ok(Math.min(...longest) <= LONGEST, `busy for ${longest} ms`);
    assert.deepEqual(wrong, []);
    await context.close();
    for (const { chat } of all) chat.close();
});
