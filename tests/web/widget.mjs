/** widget.mjs - the chat widget in a real browser: what a customer does, by mouse and by keyboard. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Bot } from '../lib/bot.mjs';
import { AGENT_DECIDES, accessible, becomes, comesToMatch, focused, launchChromium, shot, skipWithoutBrowser, watched } from '../lib/browser.mjs';
import { Customer } from '../lib/customer.mjs';
import { Desk } from '../lib/desk.mjs';
import { Gateway, builddir, until } from '../lib/gateway.mjs';

skipWithoutBrowser('the chat widget');

const HOSTILE = '<img src=x onerror=alert(1)> <script>alert(2)</script> [click](javascript:alert(3)) ' +
    '[data](data:text/html,x) **bold** [good](https://good.example/a?b=1) \u202Eevil\u202C ' +
    '\u{1F468}\u200D\u{1F469}\u200D\u{1F467} `<b>` https://bare.example/x.';
const CHOICES = { messages: [{ text: 'Which one?', choices: [
    { title: 'The chairs', value: 'v-chairs' }, { title: 'The <b>lamp</b>', value: 'v-lamp' }] }] };
const ESCALATE = { decision: 'escalate', escalate: { code: 'custom_quote' }, summary: 'Wants a quote.' };

/** Answers in parts, as far as the test lets it. */
const typist = {
    begin(res) {
        this.part = text => res.write(`event: delta\ndata: ${JSON.stringify({ text })}\n\n`);
        this.answer = text => res.end(`event: answer\ndata: ${JSON.stringify({ messages: [{ text }] })}\n\n`);
        this.cut = () => res.destroy();
        res.setHeader('Content-Type', 'text/event-stream');
        this.part('Your <b>parcel</b> is packed. And '); // sentences leave when they are whole
    },
};

const bot = await Bot.start((text, res) => {
    if (text === 'parts') return void typist.begin(res);
    if (text === 'hostile') return { messages: [{ text: HOSTILE }] };
    if (text === 'long line') return { messages: [{ text: '**[`'.repeat(15000) }] };
    if (/^choices/.test(text)) return CHOICES;
    if (text === 'human') return ESCALATE;
    return `re: ${text}`;
});

const gw = await Gateway.start({ conf: `${AGENT_DECIDES}
[agent e]
type = echo
[agent bot]
type = http
url = ${bot.url}
breaker_failures = 0
[agent hasty]
type = http
url = ${bot.url}
deadline = 1s
[channel echo]
type = webchat
agent = e
rate = 0
disclose_ai = no
[channel hasty]
type = webchat
agent = hasty
disclose_ai = no
[channel web]
type = webchat
agent = bot
disclose_ai = yes
[channel late]
type = webchat
agent = bot
queue = late
disclose_ai = no
replay = 3
[desk support]
type = web
[queue sales]
desk = support
[queue late]
desk = support
skills = nobody
need_human = yes
hours = Mon-Sun 00:00-23:59 UTC
fallback = callback
[human mia]
name = Mia
token = token-of-mia
supervise = yes
` });
const browser = await launchChromium();
const mia = new Desk(gw, 'token-of-mia');

after(async () => {
    await browser.close();
    mia.close();
    await gw.close();
    bot.stop();
});

async function fresh(query, check) {
    const context = await browser.newContext(), wrong = [];
    try {
        await check(await Customer.visit(context, gw, query, wrong), context);
        assert.deepEqual(wrong, []);
    } finally {
        await context.close();
    }
}

const ctl = (...args) => JSON.parse(execFileSync(join(builddir, 'tandemctl'),
    ['-s', join(gw.dir, 'control'), '--json', ...args], { encoding: 'utf8' }));


test('a newcomer writes, and is answered; nothing that anybody writes becomes markup', () => {
    return fresh({ channel: 'web' }, async dana => {
        const { page } = dana;
        await focused(dana.box);
        await dana.say(HOSTILE);
        await dana.sees('re: <img');
        assert.equal((await dana.texts('me'))[0], HOSTILE);
        await dana.say('hostile');
        await until(async () => (await dana.texts('agent')).length === 2, 'both answers');
        const marks = await page.locator('ol').evaluate(list => [...list.querySelectorAll('img, script, b, a')]
            .map(one => one.outerHTML.replace(/ (title|target|rel)="[^"]*"/g, '')));
        const good = '<a href="https://good.example/a?b=1">good</a>', bare = '<a href="https://bare.example/x">https://bare.example/x</a>';
        assert.deepEqual([...new Set(marks)], [good, bare]);
        await becomes(() => page.locator('.agent strong', { hasText: 'bold' }).count(), 2);
        const since = Date.now();
        await dana.say('long line');
        await until(async () => (await dana.texts('agent')).length === 3, 'the long line');
        assert.ok(Date.now() - since < 9000);
    });
});

test('who answers is said: an AI, by a mark; a human, by name; and who is waited for', () => {
    return fresh({ channel: 'web' }, async dana => {
        const { page } = dana, owner = page.locator('header .owner');
        await dana.say('hello');
        await dana.sees('AI assistant');
        await dana.sees('re: hello');
        await becomes(() => page.locator('.item.agent .badge').first().innerText(), 'AI');
        await comesToMatch(() => owner.innerText(), /AI/);

        await dana.say('human');
        const wait = page.locator('.bar.wait');
        await wait.getByText('You are number 1').waitFor();
        await accessible(page, 'waiting');
        await wait.getByRole('button', { name: 'Leave the queue' }).click();
        await wait.waitFor({ state: 'hidden' });
        await comesToMatch(() => owner.innerText(), /AI/);

        await dana.say('human');
        const { id } = await mia.waiting();
        await mia.listen();
        assert.equal((await mia.post(`/handoffs/${id}/accept`)).status, 200);
        await until(async () => await owner.innerText() === 'Mia', 'the name');
        await wait.waitFor({ state: 'hidden' });
        await mia.post(`/handoffs/${id}/typing`, { on: true });
        await page.getByText('Mia is typing').waitFor();
        await mia.post(`/handoffs/${id}/messages`, { id: 'm1', text: 'Mia **here**' });
        await dana.sees('Mia');
        const { seq } = await mia.event('handoff.read');
        assert.ok(seq > 0);
        await becomes(() => page.locator('.typing').innerText(), '');
        await until(async () => { // a start soon after another one is absorbed
            await dana.box.pressSequentially('S', { delay: 200 });
            return mia.events.some(event => event.type === 'typing');
        }, 'the customer typing');
        assert.equal((await mia.event('typing')).on, true);
        await dana.box.fill('');
        assert.equal((await mia.event('typing')).on, false);
        await mia.post(`/handoffs/${id}/return`, { note: 'done' });
        await until(async () => /AI/.test(await owner.innerText()), 'the agent');
        mia.close();
    });
});

test('a promise is shown until it is kept, also after reloads that replay less than what came since', () => {
    return fresh({ channel: 'late' }, async dana => {
        const { page } = dana, owed = page.locator('.bar.owed');
        await dana.say('human');
        await dana.sees(/get back to you by/);
        await owed.getByText(/^Somebody gets back to you here by .*\d/).waitFor();
        await accessible(page, 'a promise');
        await shot(page, 'widget-promise');
        await page.reload();
        await owed.getByText('Somebody gets back to you').waitFor();
        await dana.say('What else?');
        await dana.sees('What else?');
        await until(async () => (await dana.answers()).length >= 1, 'an answer');
        await page.reload();
        await owed.getByText('Somebody gets back to you').waitFor();
        assert.equal(await dana.page.getByText(/get back to you by/).count(), 0, 'the promise itself is older than what is replayed');
        const { id } = ctl('sessions', 'open').sessions.find(one => one.channel === 'late');
        assert.equal((await mia.post(`/sessions/${id}/take`)).status, 200);
        const [{ id: handoff }] = await mia.list('mine');
        await mia.post(`/handoffs/${handoff}/messages`, { id: 'm1', text: 'Here I am.' });
        await dana.sees('Here I am.');
        await owed.waitFor({ state: 'hidden' });
        await page.reload();
        await dana.sees('Here I am.');
        await owed.waitFor({ state: 'hidden' });
        await mia.post(`/handoffs/${handoff}/close`, {});
    });
});

test('choices are buttons, by mouse and by keyboard, and can be taken once', () => {
    return fresh({ channel: 'web' }, async dana => {
        const { page } = dana, lamp = page.getByRole('button', { name: 'The <b>lamp</b>' });
        await dana.say('choices');
        await lamp.click();
        await until(async () => (await dana.texts('me')).at(-1) === 'The <b>lamp</b>', 'the choice');
        assert.equal(await lamp.getAttribute('aria-pressed'), 'true');
        assert.ok(await lamp.isDisabled());
        await dana.say('choices, once more'); // who says the same twice is offered a human
        await until(async () => await page.locator('.choices button:enabled').count() === 2, 'new choices');
        await dana.tabTo('.choices button:enabled', 'Shift+Tab');
        await page.keyboard.press('Shift+Tab');
        await page.keyboard.press('Enter');
        await until(async () => (await dana.texts('me')).length === 4, 'the choice');
        await focused(dana.box);
    });
});

test('an answer grows, and is replaced by its message; it is read out once', () => {
    return fresh({ channel: 'web' }, async dana => {
        const { page } = dana, draft = page.locator('.draft .text');
        await page.locator('.log').evaluate(log => { // what is read out
            window.readOut = [];
            new MutationObserver(all => all.forEach(one => one.addedNodes.forEach(node => {
                if (node.matches?.('.item') && !node.closest('[aria-hidden]')) window.readOut.push(node.innerText);
            }))).observe(log, { childList: true, subtree: true });
        });
        await dana.say('parts');
        await draft.waitFor();
        typist.part('it leaves today. So ');
        await until(async () => (await draft.innerText()).startsWith('Your <b>parcel</b> is packed. And it leaves today.'), 'the next');
        typist.answer('Your parcel is on its way.');
        await until(async () => (await dana.answers()).length === 1 && !await draft.count(), 'the message');
        assert.deepEqual(await dana.answers(), ['Your parcel is on its way.']);
        const read = await page.evaluate(() => window.readOut.filter(text => /parcel/.test(text)));
        assert.equal(read.length, 1, 'an answer is read out once');

    });
});

test('an answer that breaks off is taken back', () => {
    return fresh({ channel: 'hasty' }, async dana => {
        await dana.say('parts');
        await dana.page.locator('.draft .text').waitFor();
        typist.cut();
        await dana.sees('in line for a person');
        await becomes(() => dana.page.locator('.draft').count(), 0);
        assert.deepEqual(await dana.answers(), []);
        await dana.tabTo('.bar.wait button', 'Shift+Tab');
        await dana.page.keyboard.press('Enter');
        await dana.page.locator('.bar.wait').waitFor({ state: 'hidden' });
    });
});

test('a reload keeps the talk, another tab shows it live, and so does a duplicate of a tab', () => {
    return fresh({ channel: 'echo' }, async (dana, context) => {
        await dana.say('before');
        await dana.answered(1);
        await dana.page.reload();
        await dana.answered(1);
        await becomes(() => dana.texts(), ['before', 'before']);
        const other = await Customer.visit(context, gw, { channel: 'echo' });
        await other.answered(1);
        const stored = await dana.page.evaluate(() => JSON.stringify(sessionStorage));
        const twin = new Customer(await watched(context));
        await twin.page.addInitScript(text => Object.assign(sessionStorage, JSON.parse(text)), stored);
        await twin.page.goto(dana.page.url());
        await twin.answered(1);
        await other.say('in the second');
        for (const one of [dana, other, twin]) await one.answered(2);
        await twin.say('in the third');
        for (const one of [dana, other, twin]) {
            await one.answered(3);
            await one.online();
            await becomes(() => one.texts(), ['before', 'before', 'in the second', 'in the second',
                'in the third', 'in the third']);
        }
    });
});

test('a gateway killed in the middle loses nothing and doubles nothing', () => {
    return fresh({ channel: 'echo' }, async dana => {
        const words = Array.from({ length: 24 }, (_, i) => `message ${i}`);
        for (const [i, word] of words.entries()) {
            await dana.say(word);
            if (i === 9) gw.signal('SIGKILL');
            if (i === 16) {
                await gw.exited;
                await dana.page.getByText('No connection.').waitFor();
                await accessible(dana.page, 'offline');
                await shot(dana.page, 'widget-offline');
                await gw.start();
            }
        }
        await until(async () => await dana.sent() === words.length, 'all sent', 30000);
        await dana.answered(words.length, 20000);
        await dana.page.getByText('No connection.').waitFor({ state: 'hidden' });
        assert.deepEqual([...await dana.texts('me')].sort(), [...words].sort());
        assert.deepEqual((await dana.answers()).sort(), [...words].sort());
        await dana.page.reload();
        await dana.answered(words.length);
        assert.deepEqual([...await dana.texts('me')].sort(), [...words].sort());
    });
});

test('what was written while the gateway was away is sent after a reload', () => {
    return fresh({ channel: 'echo' }, async dana => {
        await dana.say('first');
        await dana.answered(1);
        await gw.kill();
        await dana.page.getByText('No connection.').waitFor();
        await dana.say('nobody hears this yet');
        await becomes(() => dana.page.locator('.me.sending').count(), 1);
        await gw.start();
        await dana.page.reload();
        await dana.answered(2, 15000);
        await becomes(() => dana.texts('me'), ['first', 'nobody hears this yet']);
        await becomes(() => dana.sent(), 2);
    });
});

test('delivered and read stand under what was sent, as agents and humans have it', () => {
    return fresh({ channel: 'web' }, async dana => {
        const { page } = dana, state = page.locator('.me .state'), began = Date.now();
        await dana.say('seen?');
        await state.last().getByText('Read').waitFor(); // the agent has answered
        await dana.say('human');
        const { id } = await until(async () => (await mia.list()).find(one => Date.parse(one.since) >= began), 'the handoff');
        await mia.post(`/handoffs/${id}/accept`);
        await dana.say('and this?');
        await until(async () => await state.last().innerText() === 'Delivered', 'the desk has it');
        const { body } = await mia.get(`/handoffs/${id}`);
        assert.equal((await mia.post(`/handoffs/${id}/read`, { seq: body.transcript.at(-1).seq })).status, 200);
        await until(async () => (await state.allInnerTexts()).every(text => text === 'Read'), 'all were read');
        await page.reload();
        await until(async () => (await state.allInnerTexts()).join() === 'Read,Read,Read', 'the same');
        await mia.post(`/handoffs/${id}/close`, {});
    });
});

test('who reads further up stays there, and comes down by mouse or by keyboard', () => {
    return fresh({ channel: 'echo' }, async (dana, context) => {
        const { page } = dana, log = page.locator('.log'), latest = page.locator('.latest');
        await dana.say(Array.from({ length: 60 }, (_, i) => `line ${i}`).join('\n'));
        await dana.answered(60);
        const other = await Customer.visit(context, gw, { channel: 'echo' });
        for (const [word, down] of [['first', () => latest.click()], ['second', async () => {
            await dana.tabTo('.latest', 'Shift+Tab');
            await page.keyboard.press('Enter');
        }]]) {
            await page.bringToFront();
            await log.hover();
            await page.mouse.wheel(0, -20000);
            await becomes(() => log.evaluate(one => one.scrollTop), 0);
            await other.say(word);
            await latest.waitFor();
            assert.equal(await log.evaluate(one => one.scrollTop), 0);
            await down();
            await latest.waitFor({ state: 'hidden' });
            await until(() => log.evaluate(one => one.scrollHeight - one.scrollTop - one.clientHeight < 5), 'the end');
        }
    });
});

test('files are chosen by keyboard, judged, sent with progress, and shown as links', () => {
    return fresh({ channel: 'echo' }, async dana => {
        const { page } = dana, chosen = page.getByRole('list', { name: 'Files to send' }).getByRole('listitem');
        const choosing = page.waitForEvent('filechooser');
        await dana.tabTo('[aria-label="Attach files"]', 'Shift+Tab');
        await page.keyboard.press('Enter');
        await (await choosing).setFiles([
            { name: 'a <b>.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') },
            { name: 'bad.exe', mimeType: 'text/plain', buffer: Buffer.from('MZ\0\0') }]);
        await until(async () => (await chosen.allInnerTexts()).join().includes('x-executable'), 'judged');
        await page.getByRole('button', { name: 'Remove bad.exe' }).press('Enter');
        await focused(dana.box);
        await page.keyboard.press('Enter'); // an empty text, and one file
        const link = page.locator('.me a.file');
        await until(async () => await dana.sent() === 1, 'sent');
        await comesToMatch(() => link.innerText(), /^a _b_\.txt\s+5 bytes$/);
        await becomes(() => chosen.count(), 0);
        await page.reload();
        await link.waitFor();
        assert.equal(await (await fetch(await link.getAttribute('href'))).text(), 'hello');
    });
});

test('a file that takes long shows how far it is, and can be left out by mouse', () => {
    return fresh({ channel: 'echo' }, async dana => {
        const { page } = dana, cdp = await page.context().newCDPSession(page);
        await cdp.send('Network.emulateNetworkConditions', {
            offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 300000 });
        const choosing = page.waitForEvent('filechooser');
        await page.getByRole('button', { name: 'Attach files' }).click();
        await (await choosing).setFiles({ name: 'big.txt', mimeType: 'text/plain', buffer: Buffer.alloc(3 << 20, 'x') });
        const bar = page.getByRole('progressbar', { name: 'big.txt' });
        await until(async () => await bar.evaluate(one => one.value) > 0, 'progress', 15000);
        assert.ok(await bar.evaluate(one => one.value) < 1);
        await page.getByRole('button', { name: 'Remove big.txt' }).click();
        await dana.say('without it');
        await dana.answered(1);
        await becomes(() => page.locator('.me a.file').count(), 0);
    });
});

test('the customer ends the talk, rates it by keyboard, and begins another', () => {
    return fresh({ channel: 'echo' }, async dana => {
        const { page } = dana;
        await dana.say('thanks');
        await dana.answered(1);
        await dana.tabTo('header .plain', 'Shift+Tab');
        await page.keyboard.press('Enter');
        await dana.sees('This chat has ended.');
        await dana.tabTo('.stars input', 'Shift+Tab');
        for (let i = 0; i < 2; i++) await page.keyboard.press('ArrowLeft');
        await page.keyboard.press('Tab');
        await page.keyboard.type('very good');
        await accessible(page, 'rating');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await page.getByText('Thank you.').waitFor();
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await until(async () => (await dana.texts()).length === 0, 'an empty talk');
        await dana.online();
        await dana.say('me again');
        await dana.answered(1);
    });
});

test('the same by mouse; and who writes on after the end is heard', () => {
    return fresh({ channel: 'echo' }, async dana => {
        const { page } = dana;
        await dana.say('thanks');
        await dana.answered(1);
        await page.getByRole('button', { name: 'End chat' }).click();
        await page.locator('.stars label').nth(4).click();
        await page.getByRole('button', { name: 'Send rating' }).click();
        await page.getByText('Thank you.').waitFor();
        await dana.say('one more thing');
        await dana.answered(2);
        await becomes(() => page.locator('.rating').count(), 0);
    });
});

test('an unknown channel is said, not shown as a blank page', () => {
    return fresh({ channel: 'echo' }, async dana => {
        await dana.page.goto(`${gw.url}/chat/?channel=nowhere`);
        await dana.page.getByText('No connection.').waitFor();
        await becomes(() => dana.page.getByText('Online').count(), 0);
    });
});

test("an operator's link brings a talk from elsewhere here, once", () => {
    return fresh({ channel: 'echo' }, async dana => {
        await dana.say('said elsewhere');
        await dana.answered(1);
        const { id } = ctl('sessions', 'open').sessions[0];
        const { link } = ctl('bridge', id, `${gw.url}/chat/?channel=web`);
        const follow = check => fresh({ channel: 'web' }, async (other, context) => {
            await other.page.close();
            other.page = await context.newPage();
            await other.page.goto(`${link}.`); // as it stands in a sentence
            await check(new Customer(other.page));
        });
        await follow(async here => {
            await here.sees('said elsewhere');
            assert.equal(new URL(here.page.url()).hash, '');
            await here.page.reload();
            await here.sees('said elsewhere');
            await here.say('and here');
            await here.answered(2); // by the agent who had it
        });
        await follow(async late => { // a talk of its own
            await late.say('hello');
            await late.sees('re: hello');
            await becomes(() => late.page.getByText('said elsewhere').count(), 0);
        });
        assert.equal(ctl('session', id).channel, 'web');
    });
});
