/** desk.mjs - the desk page in a real browser: what a human does for customers, by mouse and by keyboard. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Bot } from '../lib/bot.mjs';
import { AGENT_DECIDES, accessible, becomes, focused, launchChromium, skipWithoutBrowser, watched } from '../lib/browser.mjs';
import { Chat } from '../lib/chat.mjs';
import { Customer } from '../lib/customer.mjs';
import { Desk } from '../lib/desk.mjs';
import { Human } from '../lib/human.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { Provider } from '../lib/provider.mjs';

skipWithoutBrowser('the desk');

const HOSTILE = '<img src=x onerror=alert(1)> <script>alert(2)</script> [x](javascript:alert(3)) \u202Eevil';
const dir = mkdtempSync(join(tmpdir(), 'desk-'));
writeFileSync(join(dir, 'replies.json'), JSON.stringify([
    { key: 'hi', title: 'Greeting', text: 'Hello {name}, this is {me}. I take it from here.' },
    { key: 'refund', title: 'Refund granted', text: 'The refund is on its way.' }]));

const asked = []; // what the agent was told
const bot = await Bot.start((text, res, body) => {
    asked.push(body);
    const queue = /to (\w+)/.exec(text)?.[1];
    if (!/person/.test(text)) return `re: ${text}`;
    return { decision: 'escalate', escalate: { code: 'refund_dispute', text: 'The refund is over the limit.', queue },
             summary: `Wants 480 EUR back for two scratched chairs. ${/hostile/.test(text) ? HOSTILE : ''}`,
             intent: { name: 'refund', confidence: 0.93 }, entities: { order_id: 'A-10023', amount: '480 EUR' } };
});
const provider = await Provider.start();
const gw = await Gateway.start({ conf: AGENT_DECIDES + provider.conf('hook', 'agent = front\nbridge_page = https://shop.example/chat\n') + `
[agent front]
type = http
url = ${bot.url}
breaker_failures = 0
[channel web]
type = webchat
agent = front
rate = 0
[desk support]
type = web
allow = name, order_id, amount
replies = ${dir}/replies.json
[queue billing]
desk = support
[queue sales]
desk = support
[queue short]
desk = support
lease = 6s
on_lease = requeue
[human mia]
name = Mia
token = token-of-mia
capacity = 20
[human noah]
name = Noah
token = token-of-noah
[human ada]
name = Ada
token = token-of-ada
supervise = yes
` });
const browser = await launchChromium();

after(async () => {
    await browser.close();
    await gw.close();
    bot.stop();
    provider.stop();
    rmSync(dir, { recursive: true });
});

/** Humans with a browser each; at the end everything is given back. */
async function at(humans, check, options = {}) {
    const wrong = [], contexts = [];
    try {
        const all = [];
        for (const name of humans) {
            await new Desk(gw, `token-of-${name}`).presence('away');
            const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
            contexts.push(context);
            all.push(await Human.enter(context, gw, `token-of-${name}`, wrong));
        }
        await check(...all);
        assert.deepEqual(wrong, []);
    } finally {
        for (const context of contexts) await context.close();
        const clean = async name => {
            const desk = new Desk(gw, `token-of-${name}`);
            for (const one of await desk.list('mine')) await desk.post(`/handoffs/${one.id}/close`, {});
            return desk;
        };
        for (const name of ['mia', 'noah', 'ada']) await clean(name);
        const mia = new Desk(gw, 'token-of-mia');
        for (const one of await mia.list('queued')) {
            await mia.post(`/handoffs/${one.id}/accept`);
            await mia.post(`/handoffs/${one.id}/close`, {});
        }
    }
}

/** Somebody who waits for a person. */
async function waiting(name, text = 'a person, please') {
    const chat = await Chat.open(gw, 'web', { hello: { customer: { id: name.toLowerCase(), name } } });
    await chat.say('the chairs came scratched');
    await chat.next(f => f.type === 'message' && /^re:/.test(f.text));
    await chat.say(text);
    const mia = new Desk(gw, 'token-of-mia');
    await until(async () => (await mia.list()).some(one => one.session === chat.welcome.session), 'the handoff', 20000);
    return chat;
}

const heard = (chat, text) => chat.next(f => f.type === 'message' && (text instanceof RegExp ? text.test(f.text) : f.text === text));

test('a human signs in with a token that stays in the tab, and signs out', async () => {
    const context = await browser.newContext(), wrong = [], page = await watched(context, wrong);
    await page.goto(`${gw.url}/desk/`);
    await accessible(page, 'signing in');
    await focused(page.getByLabel('Your token'));
    await page.keyboard.type('of nobody');
    await page.keyboard.press('Enter');
    await page.getByText('nobody with this token').waitFor();
    await page.getByLabel('Your token').fill('token-of-mia');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Nobody is waiting').waitFor();
    await accessible(page, 'nobody waits');
    await page.reload();
    await page.getByText('Nobody is waiting').waitFor();
    assert.equal(await page.evaluate(() => Object.values({ ...localStorage }).join().includes('token-of')), false);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.reload();
    await page.getByLabel('Your token').waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
});

test('two browsers go through an escalation and the return, by mouse', () => at(['mia'], async mia => {
    const context = await browser.newContext({ viewport: { width: 480, height: 800 } }), { page } = mia;
    const dana = await Customer.visit(context, gw, { channel: 'web', heading: 'Northwind Help' });
    await page.getByLabel('Presence').selectOption('available');
    await dana.say('the chairs came scratched');
    await dana.sees('re: the chairs');
    await dana.say('a person, please');
    await mia.tab('Waiting').click();
    await mia.card('Wants 480 EUR back').click();
    await page.getByText('Accept to write.').waitFor();
    const brief = await page.locator('.brief').innerText();
    for (const part of ['Refund disputed', 'Refund 93 %', 'Wants 480 EUR back', 'a person, please', 'A-10023', 'Not verified'])
        assert.ok(brief.includes(part), part);
    await accessible(page, 'an offer');
    assert.equal(await page.locator('.log .customer').count(), 0, 'the transcript comes on demand');
    await page.getByRole('button', { name: /Show what was said before/ }).click();
    await mia.sees('re: the chairs');
    await page.getByRole('button', { name: /^Accept/ }).click();
    await mia.has('Customer');
    await focused(mia.box);
    await until(async () => /Mia/.test(await dana.page.locator('header .owner').innerText()), 'her name');
    await mia.box.pressSequentially('Good day');
    await dana.page.getByText('Mia is typing').waitFor();
    await page.getByRole('button', { name: /^Send to/ }).click();
    await dana.sees('Good day');
    await page.locator('.state', { hasText: 'Read' }).waitFor();
    await page.reload(); // also for who comes back
    await mia.card('Customer').click();
    await page.locator('.state', { hasText: 'Read' }).waitFor();
    await dana.say('thank you, do you need the label?');
    await mia.sees('thank you');
    await until(async () => await dana.page.locator('.me .state').last().innerText() === 'Read', 'hers was read, too');
    const choosing = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: /^Attach/ }).click();
    await (await choosing).setFiles({ name: 'label <b>.txt', mimeType: 'text/plain', buffer: Buffer.from('a label') });
    await page.locator('.chosen li').getByText('7 byte').waitFor();
    await page.getByRole('button', { name: /^Send to/ }).click();
    await dana.page.locator('.human a.file').waitFor();
    assert.equal(await (await fetch(await page.locator('.human a.file').getAttribute('href'))).text(), 'a label');
    await page.getByRole('button', { name: /^Give back/ }).click();
    await accessible(page, 'giving back');
    await page.getByLabel('What you agreed on').fill('480 EUR are on their way');
    await page.locator('dialog').getByText('Late').click();
    await page.locator('dialog').getByRole('button', { name: 'Give back' }).click();
    await page.getByText('Nobody is waiting').waitFor();
    await until(async () => /AI/.test(await dana.page.locator('header .owner').innerText()), 'the agent');
    await dana.say('and my lamp?');
    await dana.sees('re: and my lamp?');
    assert.equal(asked.at(-1).human_stretch.summary, '480 EUR are on their way');
    await mia.tab('Closed').click();
    await mia.page.locator('.card', { hasText: 'Returned' }).first().waitFor();
    await context.close();
}));

test('the same by keyboard alone', () => at(['mia'], async mia => {
    const { page } = mia, press = key => page.keyboard.press(key);
    await press('Alt+p');
    await page.locator('.avatar.available').waitFor();
    const dana = await waiting('Dana');
    await press('Alt+w');
    await mia.card('Dana').waitFor();
    await press('Alt+a');
    await mia.has('Dana');
    await focused(mia.box);
    await press('Alt+h');
    await mia.sees('the chairs came scratched');
    await press('/');
    await page.keyboard.type('greet');
    await accessible(page, 'canned replies');
    await press('Enter');
    await becomes(() => mia.box.inputValue(), 'Hello Dana, this is Mia. I take it from here.');
    await press('Enter');
    await heard(dana, 'Hello Dana, this is Mia. I take it from here.');
    await press('Alt+c');
    await press('ArrowDown');
    await press('Enter');
    await becomes(() => mia.box.inputValue(), 'The refund is on its way.');
    await press('Enter');
    await heard(dana, 'The refund is on its way.');
    await press('Alt+n');
    await page.keyboard.type('a regular customer');
    await press('Enter');
    await page.locator('.log .note').waitFor();
    await press('Alt+r');
    const choosing = page.waitForEvent('filechooser');
    await press('Alt+u');
    await (await choosing).setFiles({ name: 'label.txt', mimeType: 'text/plain', buffer: Buffer.from('a label') });
    await page.locator('.chosen li').getByText('7 byte').waitFor();
    await press('Enter');
    await dana.next(f => f.type === 'message' && f.attachments?.[0].name === 'label.txt');
    await press('Alt+/');
    await accessible(page, 'keys');
    await press('Escape');
    await mia.closed();
    await press('Alt+x');
    await page.locator('dialog').waitFor();
    await press('Escape');
    await mia.closed();
    await focused(mia.box);
    await press('Alt+b');
    await page.locator('dialog').waitFor();
    await page.keyboard.type('all is well');
    await press('Tab');
    await press('ArrowRight');
    for (let i = 0; i < 4; i++) await press('Tab');
    await press('Enter');
    await page.getByText('Nobody is waiting').waitFor();
    await dana.next(f => f.type === 'owner' && f.owner.kind === 'agent');
    assert.equal(dana.frames.some(f => /regular customer/.test(f.text ?? '')), false, 'a note is for humans');
    const closed = (await new Desk(gw, 'token-of-mia').list('closed'))[0];
    assert.equal(closed.outcome, 'returned');
    dana.close();
}));

test('what else keys do the mouse does, and the other way round', () => at(['mia', 'noah'], async mia => {
    const { page } = mia, dana = await waiting('Dana'), bo = await waiting('Bo'), cy = await waiting('Cy');
    await page.getByRole('button', { name: /^Keys/ }).click();
    await page.locator('dialog').getByRole('button', { name: 'Close' }).click();
    await mia.closed();
    await mia.tab('Waiting').click();
    await mia.card('Bo').click();
    await page.getByRole('button', { name: 'Decline' }).click();
    await mia.card('Bo').waitFor({ state: 'detached' }); // for another human
    await mia.card('Cy').press('Enter');
    await page.getByRole('button', { name: 'Decline' }).press('Enter');
    await mia.card('Cy').waitFor({ state: 'detached' });
    for (const one of [bo, cy]) {
        one.send({ type: 'leave' });
        one.close();
    }
    await page.getByRole('button', { name: /^Accept the first/ }).press('Enter');
    await mia.has('Dana');
    await page.getByRole('button', { name: /^Replies/ }).click();
    await page.getByRole('option', { name: /^Refund granted/ }).click();
    await becomes(() => mia.box.inputValue(), 'The refund is on its way.');
    await page.getByRole('button', { name: /^Send to/ }).click();
    await heard(dana, 'The refund is on its way.');
    await page.getByRole('button', { name: /^Private note/ }).click();
    await page.getByLabel('Private note about Dana').fill('by mouse');
    await page.getByRole('button', { name: /^Save note/ }).click();
    await page.locator('.log .note').getByText('by mouse').waitFor();
    await page.getByRole('button', { name: /^To Dana/ }).click();
    const choosing = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: /^Attach/ }).press('Enter');
    await (await choosing).setFiles({ name: 'label.txt', mimeType: 'text/plain', buffer: Buffer.from('a label') });
    await page.getByRole('button', { name: 'Remove label.txt' }).press('Enter');
    await becomes(() => page.locator('.chosen li').count(), 0);
    await page.getByLabel('Sound and notifications').press('Space');
    await becomes(() => page.getByLabel('Sound and notifications').isChecked(), false);
    dana.close();
}));

test('several conversations: what is written to one stays with it', () => at(['mia'], async mia => {
    const { page } = mia, dana = await waiting('Dana'), bo = await waiting('Bo');
    await mia.accept('Dana');
    await mia.box.fill('for Dana only');
    await mia.accept('Bo');
    await page.getByRole('button', { name: /Send to Bo/ }).waitFor();
    await becomes(() => mia.box.inputValue(), '');
    await dana.say('are you there?');
    await mia.tab('Mine').locator('.count').waitFor();
    await mia.card('Dana').locator('.count').waitFor();
    await until(async () => /^\(1\)/.test(await page.title()), 'the title that counts');
    await mia.write('for Bo');
    await heard(bo, 'for Bo');
    const first = (await mia.page.locator('.card .name').first().innerText()) === 'Dana' ? 1 : 2;
    await page.keyboard.press(`Alt+${first}`);
    await mia.has('Dana');
    await becomes(() => mia.box.inputValue(), 'for Dana only');
    await mia.card('Dana').locator('.count').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await heard(dana, 'for Dana only');
    for (const chat of [dana, bo])
        assert.equal(chat.frames.filter(f => f.type === 'message' && f.author.kind === 'human').length, 1);
    dana.close();
    bo.close();
}));

test('a conversation goes to a colleague and to a queue; two who want one are told who has it', () => at(['mia', 'noah'], async (mia, noah) => {
    const dana = await waiting('Dana');
    await noah.tab('Waiting').click();
    await noah.card('Dana').click();
    await noah.page.getByText('Accept to write.').waitFor();
    await mia.accept('Dana');
    await noah.page.getByRole('alert').getByText('Mia has taken it.').waitFor();
    await mia.page.getByRole('button', { name: /^Transfer/ }).click();
    await accessible(mia.page, 'transfer');
    await mia.page.locator('dialog select').selectOption('human noah');
    await mia.page.getByLabel('What they should know').fill('knows about chairs');
    await mia.page.locator('dialog').getByRole('button', { name: 'Transfer' }).click();
    await mia.closed();
    await noah.page.getByRole('button', { name: 'Dismiss' }).click();
    await noah.tab('Waiting').click();
    await noah.card('Dana').click();
    await noah.page.getByText('knows about chairs').waitFor();
    await noah.page.keyboard.press('Alt+a');
    await noah.has('Dana');
    await noah.write('Noah here');
    await heard(dana, 'Noah here');
    await noah.page.keyboard.press('Alt+t');
    await noah.page.locator('dialog select').selectOption('queue sales');
    await noah.page.locator('dialog').getByRole('button', { name: 'Transfer' }).press('Enter');
    await noah.closed();
    await mia.tab('Waiting').click();
    await mia.card('Sales').waitFor();
    dana.close();
}));

test('who is silent for long is warned, keeps the customer by a key, or loses them and is told', () => at(['mia'], async mia => {
    const dana = await waiting('Dana', 'a person, to short');
    await mia.accept('Dana');
    const bar = mia.page.locator('.bar.warn');
    await bar.waitFor();
    await mia.page.keyboard.press('Alt+k');
    await bar.waitFor({ state: 'detached' });
    await bar.waitFor();
    await bar.getByRole('button', { name: /^Keep it/ }).click();
    await bar.waitFor({ state: 'detached' });
    assert.equal((await new Desk(gw, 'token-of-mia').list('mine')).length, 1);
    await bar.waitFor();
    await accessible(mia.page, 'lease');
    await mia.page.getByRole('alert').getByText('silent for too long').waitFor({ timeout: 15000 });
    dana.close();
}));

test('who supervises watches an agent, and takes over', () => at(['ada', 'mia'], async (ada, mia) => {
    await becomes(() => mia.tab('Agents').count(), 0);
    const chat = await Chat.open(gw, 'web');
    await chat.say('just asking');
    await heard(chat, /^re: just asking/);
    await ada.tab('Agents').click();
    const cards = ada.page.locator('.card'), before = await cards.first().waitFor().then(() => cards.count());
    const other = await Chat.open(gw, 'web');
    await other.say('somebody else');
    await until(async () => await cards.count() > before, 'the newest in the list', 15000);
    other.close();
    await ada.page.locator(`.card[href="#${chat.welcome.session}"]`).click();
    await ada.sees('re: just asking');
    assert.equal(await ada.box.count(), 0, 'who watches does not write');
    await chat.say('another one');
    await ada.sees('re: another one');
    await accessible(ada.page, 'watching');
    await ada.page.getByRole('button', { name: 'Take over' }).click();
    await ada.has('Customer');
    await ada.write('Ada here');
    await heard(chat, 'Ada here');
    chat.close();
    const last = await Chat.open(gw, 'web'); // and by keyboard
    await last.say('the last one');
    await heard(last, /^re: the last one/);
    await ada.tab('Agents').press('Enter');
    const card = ada.page.locator(`.card[href="#${last.welcome.session}"]`);
    await card.press('Enter');
    await ada.sees('re: the last one');
    await ada.page.getByRole('button', { name: 'Stop watching' }).press('Enter');
    await card.press('Enter');
    await ada.sees('re: the last one');
    await ada.page.getByRole('button', { name: 'Take over' }).press('Enter');
    await ada.write('Ada again');
    await heard(last, 'Ada again');
    last.close();
}));

test('tags stand in the lists, and who supervises scores what has ended', () => at(['ada'], async ada => {
    const { page } = ada, dana = await waiting('Dana');
    await ada.accept('Dana');
    for (const tag of ['VIP', 'chairs', '<i>odd</i>']) {
        await page.getByLabel('Add a tag').fill(tag);
        await page.keyboard.press('Enter');
        await page.locator('.card .badge', { hasText: tag.toLowerCase() }).waitFor();
    }
    await page.getByRole('button', { name: 'Remove the tag chairs' }).click();
    await page.locator('.card .badge', { hasText: 'chairs' }).waitFor({ state: 'detached' });
    await accessible(page, 'tags');
    await page.getByRole('button', { name: 'Close Alt X' }).click();
    await accessible(page, 'closing');
    await page.locator('dialog').getByRole('button', { name: 'Close the conversation' }).click();
    await dana.next(f => f.type === 'bye');
    await ada.tab('Closed').click();
    await page.locator('.card', { hasText: 'vip' }).first().click();
    await page.locator('.review').waitFor();
    await accessible(page, 'a review');
    await page.locator('.review input[type=radio]').first().focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    await page.getByRole('button', { name: 'Keep the review' }).press('Enter');
    await page.getByText('It has 4 of 5.').waitFor();
    assert.deepEqual((await new Desk(gw, 'token-of-ada').list('closed'))[0].tags, ['vip', '<i>odd</i>']);
    dana.close();
}));

test('who supervises scores a sample of what has ended, by mouse and by keyboard', () => at(['ada', 'mia'], async (ada, mia) => {
    const { page } = ada, press = key => page.keyboard.press(key), desk = new Desk(gw, 'token-of-mia');
    await becomes(() => mia.tab('Review').count(), 0);
    const chats = await Promise.all(['Dana', 'Bo'].map(name => waiting(name)));
    for (const { id } of await desk.list()) {
        await desk.post(`/handoffs/${id}/accept`);
        await desk.post(`/handoffs/${id}/close`, { wrapup: { outcome: 'resolved' } });
    }
    await ada.tab('Review').click();
    await page.locator('.card').first().click();
    await page.locator('.review').getByText('5', { exact: true }).click();
    await accessible(page, 'a sample');
    await page.getByRole('button', { name: 'Keep the review' }).click();
    await page.locator('.card[aria-current] .badge', { hasText: '5 of 5' }).waitFor();
    await page.getByRole('button', { name: 'Another sample' }).focus();
    await press('Enter');
    await press('Tab');
    await focused(page.locator('.card').first());
    const unscored = page.locator('.card').filter({ hasNotText: 'of 5' }).first();
    await unscored.focus();
    await press('Enter');
    await page.locator('.card[aria-current]').filter({ hasNotText: 'of 5' }).waitFor();
    await page.locator('.review').waitFor();
    await page.locator('.review input[type=radio]').first().focus();
    await press('ArrowRight');
    for (let i = 0; i < 2; i++) await press('Tab');
    await press('Enter');
    await page.locator('.card[aria-current] .badge', { hasText: '2 of 5' }).waitFor();
    for (const chat of chats) chat.close();
}));

test('who writes elsewhere is sent the link to the web chat, by mouse and by keyboard', () => at(['mia'], async mia => {
    const { page } = mia;
    for (const [peer, ask] of [
        ['+4511111111', async () => {
            await page.getByRole('button', { name: /^Move to web chat/ }).click();
            await accessible(page, 'moving');
            await page.locator('dialog').getByRole('button', { name: 'Send the link' }).click();
        }], ['+4522222222', async () => {
            await page.keyboard.press('Alt+g');
            await page.locator('dialog').waitFor();
            await page.keyboard.press('Tab');
            await page.keyboard.press('Enter');
        }]]) {
        await provider.say(gw, 'hook', peer, 'a person, please');
        await mia.accept('Customer');
        await ask();
        await mia.closed();
        await until(() => /shop\.example\/chat#bridge=\w+\.\w+/.test(provider.heard(peer).join()), 'the link', 15000);
        assert.doesNotMatch(await page.content(), /#bridge=\w/, 'it is for the customer alone');
        await page.keyboard.press('Alt+x');
        await page.locator('dialog').getByRole('button', { name: 'Close the conversation' }).press('Enter');
        await mia.closed();
    }
    const dana = await waiting('Dana');
    await mia.accept('Dana');
    await becomes(() => page.getByRole('button', { name: /^Move/ }).count(), 0); // is there already
    dana.close();
}));

test('a gateway that is killed costs nothing that was written, on either side', () => at(['mia'], async mia => {
    const dana = await waiting('Dana');
    await mia.accept('Dana');
    await mia.write('before');
    await heard(dana, 'before');
    await gw.kill();
    await mia.page.getByText('No connection to the gateway').waitFor();
    await accessible(mia.page, 'no connection');
    await mia.write('meanwhile');
    await mia.page.getByRole('button', { name: 'Send again' }).waitFor();
    await gw.start();
    await mia.connected();
    await mia.page.getByRole('button', { name: 'Send again' }).click();
    await until(async () => await mia.page.locator('.human.failed, .human.sending').count() === 0, 'sent');
    const again = await Chat.open(gw, 'web', { hello: { resume: dana.welcome.resume, last_seq: 0 } });
    await heard(again, 'meanwhile');
    await again.say('still here');
    await mia.sees('still here');
    await becomes(() => mia.texts('human'), ['before', 'meanwhile']);
    assert.equal((await mia.texts('customer')).filter(text => text === 'still here').length, 1);
    again.close();
}));

test('nothing that a customer or an agent writes becomes markup', () => at(['mia'], async mia => {
    const chat = await waiting('<b>Eve</b>\u202E', 'a person, hostile');
    await mia.tab('Waiting').click();
    await mia.page.locator('.card').click();
    await mia.page.keyboard.press('Alt+a');
    await mia.page.locator('.composer').waitFor();
    await chat.say(HOSTILE);
    await mia.sees('<img src=x');
    await chat.say(`long ${'x'.repeat(7000)}`);
    await mia.sees('long xxx');
    const made = await mia.page.evaluate(() => document.querySelectorAll('#desk img, #desk script, #desk bdi b, #desk a[href^="javascript"]').length);
    assert.equal(made, 0);
    assert.equal(await mia.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    chat.close();
}));

test('a sound and a notification call a human who looks elsewhere', async () => {
    await at(['mia'], async mia => {
        const { page } = mia;
        await page.evaluate(() => {
            window.shown = [];
            window.tones = 0;
            class Fake extends EventTarget { constructor(title, { body }) { super(); window.shown.push(body); } }
            Fake.permission = 'granted';
            window.Notification = Fake;
            const start = OscillatorNode.prototype.start;
            OscillatorNode.prototype.start = function (...all) { window.tones++; return start.apply(this, all); };
            Object.defineProperty(document, 'hasFocus', { value: () => false });
        });
        await page.getByLabel('Presence').selectOption('available');
        await page.locator('.avatar.available').waitFor();
        const dana = await waiting('Dana');
        await until(() => page.evaluate(() => window.shown.length > 0 && window.tones > 0), 'the call');
        assert.match((await page.evaluate(() => window.shown))[0], /Waiting in billing/);
        await mia.accept('Dana');
        const before = await page.evaluate(() => window.shown.length);
        await dana.say('hello?');
        await until(() => page.evaluate(n => window.shown.length > n, before), 'the second call');
        assert.match((await page.evaluate(() => window.shown)).at(-1), /^Dana: hello\?/);
        await page.getByLabel('Sound and notifications').uncheck();
        const tones = await page.evaluate(() => window.tones);
        await dana.say('hello again?');
        await mia.sees('hello again?');
        assert.equal(await page.evaluate(() => window.tones), tones);
        dana.close();
    });
});
