/** chat_page.mjs - the page at /chat/ in a real browser: talk, reload, two tabs, a crash. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { Gateway, sleep, until } from '../lib/gateway.mjs';
import { chromiumPath, launchChromium, peer } from '../lib/peers.mjs';

const old = parseInt(process.versions.node) < 20; // playwright-core would end the process
if (!chromiumPath || old || !peer('playwright-core')) {
    const missing = !chromiumPath ? 'chromium is not installed' : old ? 'it needs Node.js 20'
        : 'npm playwright-core is not installed';
    console.log(`ok 1 - the chat page # SKIP ${missing}`);
    process.exit(0);
}

/** Answers in parts, as far as the test lets it. */
const typist = createServer((req, res) => {
    typist.part = (text, more = {}) => res.write(`event: delta\ndata: ${JSON.stringify({ text, ...more })}\n\n`);
    typist.answer = text => res.end(`event: answer\ndata: ${JSON.stringify({ messages: [{ text }] })}\n\n`);
    typist.cut = () => res.destroy();
    req.resume().on('end', () => {
        res.setHeader('Content-Type', 'text/event-stream');
        typist.part('Your <b>parcel</b> ');
    });
});
await new Promise(done => typist.listen(0, '127.0.0.1', done));

const gw = await Gateway.start({
    conf: '[channel web]\ntype = webchat\nagent = e\nrate = 0\n[agent e]\ntype = echo\n' +
        '[channel parts]\ntype = webchat\nagent = typist\n' +
        `[agent typist]\ntype = http\nurl = http://127.0.0.1:${typist.address().port}/\n`,
});
const browser = await launchChromium();

async function visit(context, wrong = []) {
    const page = await context.newPage();
    page.on('pageerror', error => wrong.push(String(error)));
    page.on('console', line => {
        if (line.type() === 'error' && !/WebSocket|status of 422/.test(line.text())) wrong.push(line.text());
    });
    await page.goto(`${gw.url}/chat/`);
    await page.getByText('Online').waitFor();
    return page;
}

async function say(page, text) {
    await page.getByLabel('Your message').fill(text);
    await page.keyboard.press('Enter');
}

/** The texts of the log, in order; mine: only the customer's. */
const texts = (page, mine) => page.locator(mine ? 'li.me .body' : 'li .body').allInnerTexts();
/** What was answered; the echo agent puts many into one when they came together. */
const answers = async page => (await page.locator('li.agent .body').allInnerTexts())
    .flatMap(text => text.split('\n'));
const sent = page => page.locator('li.me .state', { hasText: /Sent|Read/ }).count();

async function fresh(check) {
    const context = await browser.newContext(), wrong = [];
    context.setDefaultTimeout(10000);
    try {
        await check(context, await visit(context, wrong));
        assert.deepEqual(wrong, []);
    } finally {
        await context.close();
    }
}

after(async () => {
    await browser.close();
    await gw.close();
    typist.closeAllConnections();
    typist.close();
});

test('a newcomer writes, and is answered', () => {
    return fresh(async (context, page) => {
        assert.ok(await page.getByRole('log', { name: 'Conversation' }).isVisible());
        const box = page.getByLabel('Your message');
        assert.ok(await box.evaluate(element => element === document.activeElement));
        const hostile = 'Hello <b>there</b> <img src=x onerror=alert(1)>';
        await say(page, hostile);
        await until(async () => (await answers(page)).length === 1, 'the answer');
        assert.deepEqual(await texts(page, true), [hostile]);
        assert.equal(await sent(page), 1);
        assert.equal(await page.locator('#messages img, #messages b').count(), 0);
    });
});

test('everything can be reached with the keyboard', () => {
    return fresh(async (context, page) => {
        await say(page, 'one');
        await until(async () => (await answers(page)).length === 1, 'the answer');
        const reached = new Set();
        for (let i = 0; i < 8; i++) {
            await page.keyboard.press('Tab');
            reached.add(await page.evaluate(() => document.activeElement.id));
        }
        for (const id of ['log', 'text', 'send', 'leave']) assert.ok(reached.has(id), id);
        await page.getByLabel('Your message').focus();
        await page.keyboard.type('two');
        await page.keyboard.press('Shift+Enter');
        await page.keyboard.type('lines');
        await page.getByRole('button', { name: 'Send' }).focus();
        await page.keyboard.press('Space');
        await until(async () => (await answers(page)).length === 3, 'the answer');
        assert.equal((await texts(page, true))[1], 'two\nlines');
    });
});

test('a reload keeps the talk', () => {
    return fresh(async (context, page) => {
        await say(page, 'before');
        await until(async () => (await answers(page)).length === 1, 'the answer');
        const before = await texts(page);
        await page.reload();
        await until(async () => (await texts(page)).length === 2, 'the replay');
        await sleep(200);
        assert.deepEqual(await texts(page), before);
        await say(page, 'after');
        await until(async () => (await answers(page)).length === 2, 'the answer');
    });
});

test('a second tab shows the same talk, live', () => {
    return fresh(async (context, page) => {
        await say(page, 'in the first');
        await until(async () => (await answers(page)).length === 1, 'the answer');
        const other = await visit(context);
        await until(async () => (await texts(other)).length === 2, 'the replay');
        await say(other, 'in the second');
        await until(async () => (await texts(page)).length === 4, 'the echo');
        await until(async () => (await texts(other)).length === 4, 'the answer');
        assert.deepEqual(await texts(page), await texts(other));
    });
});

test('a gateway killed in the middle loses nothing and doubles nothing', () => {
    return fresh(async (context, page) => {
        const words = Array.from({ length: 30 }, (_, i) => `message ${i}`);
        for (const [i, word] of words.entries()) {
            await say(page, word);
            if (i === 12) gw.signal('SIGKILL');
            if (i === 20) {
                await gw.exited;
                await page.getByText('Reconnecting').waitFor();
                await gw.start();
            }
        }
        await until(async () => await sent(page) === words.length, 'all sent', 30000);
        await until(async () => (await answers(page)).length >= words.length, 'all answered',
            20000);
        await sleep(300);
        assert.deepEqual([...(await texts(page, true))].sort(), [...words].sort());
        assert.deepEqual([...(await answers(page))].sort(), [...words].sort());
        const before = await texts(page);
        await page.reload();
        await until(async () => (await texts(page)).length >= before.length, 'the replay');
        await sleep(200);
        assert.deepEqual([...(await texts(page))].sort(), before.sort());
    });
});

test('what was written while the gateway was away is sent after a reload', () => {
    return fresh(async (context, page) => {
        await say(page, 'first');
        await until(async () => (await answers(page)).length === 1, 'the answer');
        await gw.kill();
        await page.getByText('Reconnecting').waitFor();
        await say(page, 'nobody hears this yet');
        assert.equal(await page.locator('li.sending').count(), 1);
        await gw.start();
        await page.reload();
        await until(async () => (await answers(page)).length === 2, 'the answer', 15000);
        assert.deepEqual(await texts(page, true), ['first', 'nobody hears this yet']);
        assert.equal(await sent(page), 2);
    });
});

test('the customer ends the talk and begins another', () => {
    return fresh(async (context, page) => {
        await say(page, 'thanks');
        await until(async () => (await answers(page)).length === 1, 'the answer');
        await page.getByRole('button', { name: 'End talk' }).click();
        await page.getByText('This talk has ended.').waitFor();
        await page.getByRole('button', { name: '5 of 5' }).click();
        await page.getByText('Thank you.').waitFor();
        await page.getByRole('button', { name: 'New talk' }).click();
        await page.getByText('Online').waitFor();
        assert.deepEqual(await texts(page), []);
        await say(page, 'me again');
        await until(async () => (await answers(page)).length === 1, 'the answer');
    });
});

test('a file is chosen, sent with the keyboard, and shown as a link, also after a reload', () => {
    return fresh(async (context, page) => {
        const choosing = page.waitForEvent('filechooser');
        await page.getByRole('button', { name: 'Attach files' }).focus();
        await page.keyboard.press('Enter');
        await (await choosing).setFiles([
            { name: 'a <b>.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') },
            { name: 'bad.exe', mimeType: 'text/plain', buffer: Buffer.from('MZ\0\0') }]);
        const files = page.getByRole('list', { name: 'Files to send' }).getByRole('listitem');
        await until(async () => (await files.allInnerTexts()).join().includes('5 bytes') &&
            (await files.allInnerTexts()).join().includes('x-executable'), 'both judged');
        await page.getByRole('button', { name: 'Do not send bad.exe' }).press('Enter');
        await page.keyboard.press('Enter'); // an empty text, and one file
        const link = page.locator('li.me a.file');
        await until(async () => await sent(page) === 1, 'sent');
        assert.deepEqual(await link.allInnerTexts(), ['a _b_.txt (5 bytes)']);
        assert.equal(await files.count(), 0);
        await page.reload();
        await until(async () => await link.count() === 1, 'the replay');
        assert.equal(await (await fetch(await link.getAttribute('href'))).text(), 'hello');
        assert.equal(await page.locator('#messages b').count(), 0);
    });
});

test('an unknown channel is said, not shown as a blank page', () => {
    return fresh(async (context, page) => {
        await page.goto(`${gw.url}/chat/?channel=nowhere`);
        await page.getByText('Reconnecting').waitFor();
        assert.equal(await page.getByText('Online').count(), 0);
    });
});

test('an answer grows, and is replaced by its message, or taken back', () => {
    return fresh(async (context, page) => {
        await page.goto(`${gw.url}/chat/?channel=parts`);
        await page.getByText('Online').waitFor();
        await say(page, 'where is it?');
        const draft = page.locator('li.draft .body');
        await until(async () => await draft.count() === 1, 'the first part');
        typist.part('is on');
        await until(async () => (await draft.innerText()).startsWith('Your <b>parcel</b> is on'), 'the next');
        assert.equal(await page.locator('#messages b').count(), 0);
        typist.answer('Your parcel is on its way.');
        await until(async () => (await answers(page)).length === 1 && await draft.count() === 0, 'the message');
        assert.deepEqual(await answers(page), ['Your parcel is on its way.']);

        await say(page, 'and the other one?');
        await until(async () => await draft.count() === 1, 'the first part');
        typist.cut();
        await until(async () => (await page.locator('li.system .body').count()) === 1, 'the excuse');
        assert.equal(await draft.count(), 0);
        assert.equal((await answers(page)).length, 1);
    });
});
