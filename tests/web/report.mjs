/** report.mjs - the report page in a real browser: figures, what they are made of, and what is now. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Bot } from '../lib/bot.mjs';
import { AGENT_DECIDES, accessible, fits, focused, launchChromium, shot, skipWithoutBrowser, watched } from '../lib/browser.mjs';
import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

skipWithoutBrowser('the report');

const bot = await Bot.start(text => {
    const [, intent, what] = /^(\S+) (\w+)/.exec(text) ?? [];
    if (what === 'ok') return { messages: [{ text: 'Done.' }], decision: 'resolve', intent: { name: intent, confidence: 0.9 } };
    if (what !== 'person') return 'Well.';
    return { decision: 'escalate', intent: { name: intent, confidence: 0.9 }, summary: 'A summary.',
             escalate: { code: intent === 'refund' ? 'refund_dispute' : 'custom_quote', queue: intent === 'refund' ? 'billing' : 'sales' } };
});
const gw = await Gateway.start({ tandem: { admin_token: 'secret' }, conf: `${AGENT_DECIDES}
[agent front]
type = http
url = ${bot.url}
breaker_failures = 0
[channel web]
type = webchat
agent = front
[desk support]
type = web
[queue billing]
desk = support
[queue sales]
desk = support
[human mia]
name = Mia
token = token-of-mia
capacity = 20
` });
const browser = await launchChromium();
const mia = new Desk(gw, 'token-of-mia'), chats = [];

after(async () => {
    await browser.close();
    for (const chat of chats) chat.close();
    await gw.close();
    bot.stop();
});

/** One conversation that ends as told: ok, left, waits, or what a human says of its timing. */
async function talk(intent, end) {
    const chat = await Chat.open(gw, 'web');
    chats.push(chat);
    await chat.say(`${intent} ${end === 'ok' ? 'ok' : 'person'}`);
    if (end === 'ok') return chat.message();
    const { id } = await until(async () => (await mia.list()).find(one => one.session === chat.welcome.session), 'the handoff', 20000);
    if (end === 'waits') return chat;
    if (end === 'left') {
        chat.send({ type: 'leave' });
        await until(async () => !(await mia.list()).some(one => one.id === id), 'the end');
        return chat;
    }
    await mia.post(`/handoffs/${id}/accept`);
    await mia.post(`/handoffs/${id}/messages`, { id: 'm', text: 'Good day.' });
    await chat.next(f => f.type === 'message' && f.author.kind === 'human');
    await mia.post(`/handoffs/${id}/close`, { wrapup: { outcome: 'resolved', escalation: end } });
    return chat;
}

await mia.presence();
for (const [intent, end] of [['refund', 'right'], ['refund', 'late'], ['refund', 'left'], ['refund', 'waits'], ['quote', 'early'],
    ['delivery', 'ok'], ['delivery', 'ok'], ['<b>odd</b>', 'ok']]) await talk(intent, end);

async function enter(options, wrong) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
    const page = await watched(context, wrong);
    page.reports = 0; // asked for
    page.on('request', request => { page.reports += /\/report\?/.test(request.url()); });
    await page.goto(`${gw.url}/desk/report/`);
    await page.getByLabel('Your token').fill('secret');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /Kept by the agent/ }).waitFor();
    await until(async () => await page.locator('.slot').count() === 7, 'all columns', 20000);
    return page;
}

const card = (page, name) => page.getByRole('button', { name: new RegExp(name) }).innerText();

test('an operator signs in, and only an operator', async () => {
    const context = await browser.newContext(), wrong = [], page = await watched(context, wrong);
    await page.goto(`${gw.url}/desk/report`);
    await page.getByLabel('Your token').fill('token-of-mia');
    await page.keyboard.press('Enter');
    await page.getByText('not the admin_token').waitFor();
    await accessible(page, 'signing in');
    await page.getByLabel('Your token').fill('secret');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Now' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Your token').waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
});

test('the figures are those of the API, and behind each are its sessions', async () => {
    const wrong = [], page = await enter({}, wrong);
    assert.equal(page.reports, 1, 'the journal is read once');
    assert.match(await card(page, 'Handed over'), /62\.5\s?%\s+5 of 8 sessions/);
    assert.match(await card(page, 'Gave up waiting'), /20\s?%\s+1 of 5 handoffs/);
    const bars = page.getByRole('list', { name: 'Timing' });
    assert.match(await bars.getByRole('listitem').filter({ hasText: 'Late' }).innerText(), /1$/);
    assert.match(await bars.getByRole('listitem').filter({ hasText: 'Early' }).innerText(), /1$/);
    assert.match(await page.getByRole('list', { name: 'Drop-off' }).innerText(), /Refund\s+1 gave up, 1 wait, 2 answered/);
    assert.match(await page.getByRole('list', { name: 'Intents' }).innerText(), /Refund\s+100\s?% of 4/);
    assert.match(await page.getByRole('list', { name: 'Intents' }).innerText(), /<b>odd<\/b>/);
    await page.getByRole('button', { name: /1 gave up, 1 wait/ }).focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog tbody tr').waitFor();
    assert.match(await page.locator('dialog tbody').innerText(), /^[0-9A-Z]{26}.*Refund disputed.*Billing.*Left/s);
    await accessible(page, 'the sessions behind a figure');
    await page.locator('dialog .id').click();
    await page.locator('.journal').getByText('refund person', { exact: true }).waitFor();
    await accessible(page, 'what was said in a session');
    await page.getByLabel('Everything that happened').check();
    await page.locator('.journal').getByText(/code refund_dispute/).first().waitFor();
    const whole = await page.locator('.journal').innerText();
    for (const named of [/outcome left/, /outcome silent · decision escalate/, /status delivered|status sent/])
        assert.match(whole, named);
    assert.doesNotMatch(whole, /\b(outcome|status|state|decision|owner|said|op) \d/, 'numbers of ours say nothing to a reader');
    await shot(page, 'report-journal');
    await accessible(page, 'what happened in a session');
    await page.getByRole('button', { name: 'Back to the list' }).press('Enter');
    await focused(page.locator('dialog .id')); // and now by keyboard alone
    await page.keyboard.press('Enter');
    await focused(page.getByRole('button', { name: 'Back to the list' }));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.locator('.journal').getByText('Handoff end').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    const [first, ...others] = await page.locator('.behind summary').all();
    await first.click();
    for (const summary of others) await summary.press('Enter');
    await accessible(page, 'all tables');
    assert.match(await page.locator('table', { hasText: 'Custom quote' }).or(page.locator('table', { hasText: 'Wants a quote' })).first().innerText(), /quote/);
    await page.locator('.by select').selectOption('queue');
    await page.getByRole('list', { name: 'Drop-off' }).getByText('Billing').waitFor();
    await until(async () => await page.locator('.slot').count() === 7, 'all columns', 20000);
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV' }).click();
    const csv = readFileSync(await (await downloading).path(), 'utf8');
    assert.match(csv, /^queue,sessions,/);
    assert.match(csv, /^"?billing"?,/m);
    await page.getByRole('button', { name: '24 hours' }).click();
    await until(async () => await page.locator('.slot').count() === 8, 'the columns of a day', 20000);
    const again = page.waitForEvent('download'); // all of it by keyboard
    await page.getByRole('button', { name: '30 days' }).press('Enter');
    await until(async () => await page.locator('.slot').count() === 10, 'the columns of a month', 20000);
    await page.locator('.by select').focus();
    await page.keyboard.press('c'); // channel
    await page.getByRole('list', { name: 'Drop-off' }).getByText('Web').waitFor();
    await page.getByRole('button', { name: 'CSV' }).press('Enter');
    assert.match(readFileSync(await (await again).path(), 'utf8'), /^channel,sessions,/);
    assert.deepEqual(wrong, []);
    await page.context().close();
});

test('what is now changes as it happens, also after the gateway was killed', async () => {
    const wrong = [], page = await enter({}, wrong), waiting = page.locator('.tiles div', { hasText: 'Waiting' }).locator('dd');
    await until(async () => await waiting.innerText() === '1', 'who waits');
    await talk('quote', 'waits');
    await until(async () => await waiting.innerText() === '2', 'one more');
    await gw.kill();
    await page.getByText('no connection').waitFor();
    await gw.start();
    await page.getByText('no connection').waitFor({ state: 'detached' });
    await until(async () => await waiting.innerText() === '2', 'the same', 20000);
    assert.deepEqual(wrong, []);
    await page.context().close();
});

for (const colorScheme of ['light', 'dark']) {
    test(`no rule of accessibility is broken, ${colorScheme}, large, at 320 px, with text of 200 %`, async () => {
        const wrong = [], page = await enter({ colorScheme, reducedMotion: 'reduce' }, wrong);
        await accessible(page, 'large');
        await shot(page, `report-${colorScheme}`);
        await page.setViewportSize({ width: 320, height: 700 });
        await accessible(page, 'narrow');
        await fits(page, 'narrow');
        await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
        await accessible(page, 'text of 200 %');
        await fits(page, 'text of 200 %');
        assert.deepEqual(wrong, []);
        await page.context().close();
    });
}
