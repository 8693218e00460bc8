/** widget_looks.mjs - the widget on other people's pages: docked, framed, themed, translated, small. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { Bot } from '../lib/bot.mjs';
import { AGENT_DECIDES, accessible, becomes, fits, focused, launchChromium, shot, skipWithoutBrowser, watched } from '../lib/browser.mjs';
import { Customer } from '../lib/customer.mjs';
import { Desk, MIA } from '../lib/desk.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

skipWithoutBrowser('how the chat widget looks');

const ORDERS = { messages: [{ text: 'I found **two orders** on your account:\n\n- A-10023, two oak chairs, *delivered*\n' +
    '- A-10057, a lamp, on its way\n\nWhich one is it about? All of them are under [your orders](https://shop.example/orders).',
choices: [{ title: 'A-10023, the chairs', value: 'a' }, { title: 'A-10057, the lamp', value: 'b' },
    { title: 'Something else', value: 'c' }] }] };

const bot = await Bot.start(text => {
    if (/human/.test(text)) return { decision: 'escalate', escalate: { code: 'custom_quote' }, summary: 'Wants a quote.' };
    return /order/.test(text) ? ORDERS : 'You can return anything within 30 days. The label that came with it takes it back.';
});

/** Another site, with a policy that allows the gateway and nothing inline. */
let gw;
const shop = createServer((req, res) => {
    const url = new URL(req.url, 'http://shop');
    const data = [...url.searchParams].map(([name, value]) => ` data-${name}="${value}"`).join('');
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    if (req.url.endsWith('.ico')) return res.writeHead(204).end();
    res.setHeader('Content-Security-Policy', `default-src 'none'; script-src ${gw.url}; frame-src ${gw.url}; ` +
        `connect-src ${gw.url} ${gw.wsUrl}`);
    const chat = url.pathname === '/framed' ? `<iframe title="Chat" src="${gw.url}/chat/" width=600 height=500></iframe>`
        : `<script src="${gw.url}/widget.js"${data} async></script>`;
    res.end(`<!doctype html><html lang="${url.searchParams.get('lang') ?? 'en'}" dir="${url.searchParams.get('dir') ?? 'ltr'}">` +
        `<meta name=viewport content="width=device-width"><meta name=color-scheme content="light dark"><title>Shop</title><main><h1>Shop</h1><p>Chairs and lamps</p>${chat}</main></html>`);
});
await new Promise(done => shop.listen(0, '127.0.0.1', done));
const shopUrl = `http://127.0.0.1:${shop.address().port}`;

gw = await Gateway.start({ tandem: { frames: shopUrl }, conf: `${AGENT_DECIDES}
[agent bot]
type = http
url = ${bot.url}
[channel web]
type = webchat
agent = bot
disclose_ai = yes
customer_secret = not so secret
${MIA}` });
const browser = await launchChromium();
const mia = new Desk(gw, 'token-mia');

after(async () => {
    await browser.close();
    await gw.close();
    bot.stop();
    shop.closeAllConnections();
    shop.close();
});

async function within(options, check) {
    const context = await browser.newContext(options), wrong = [];
    try {
        await check(context, wrong);
        assert.deepEqual(wrong, []);
    } finally {
        await context.close();
    }
}

async function docked(context, wrong, query = {}) {
    const page = await watched(context, wrong);
    await page.goto(`${shopUrl}/?${new URLSearchParams({ channel: 'web', ...query })}`);
    await page.locator('.launcher').waitFor();
    return new Customer(page);
}


test('one script tag puts it on a page of another origin; keys open and close it', () => {
    return within({}, async (context, wrong) => {
        const dana = await docked(context, wrong, { heading: 'Northwind Help' }), { page } = dana;
        await accessible(page, 'closed');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await dana.online();
        await focused(dana.box);
        await page.getByRole('heading', { name: 'Northwind Help' }).waitFor();
        await dana.say('an order');
        await dana.sees('two orders');
        await accessible(page, 'docked');
        await shot(page, 'widget-docked');
        await page.keyboard.press('Escape');
        await focused(page.locator('.launcher'));
        await page.reload(); // who has talked before is connected while it is closed
        await page.locator('.launcher').waitFor();
        await until(async () => (await dana.texts('agent')).length === 1, 'the replay');
        await page.locator('.launcher').click();
        await focused(dana.box);
        await page.getByRole('button', { name: 'Close chat' }).click();
        await page.locator('.panel').waitFor({ state: 'hidden' });
    });
});

test('what comes while it is closed is counted on its button', () => {
    return within({}, async (context, wrong) => {
        const dana = await docked(context, wrong), { page } = dana;
        await page.locator('.launcher').click();
        await dana.online();
        await dana.say('human');
        const { id } = await mia.waiting();
        await mia.post(`/handoffs/${id}/accept`);
        await dana.sees('Mia is here');
        await page.keyboard.press('Escape');
        await mia.post(`/handoffs/${id}/messages`, { id: 'm1', text: 'Are you there?' });
        await page.locator('.count', { hasText: '1 new' }).waitFor();
        await page.locator('.launcher').click();
        await becomes(() => page.locator('.count').innerText(), '');
        await becomes(() => dana.texts('human'), ['Are you there?']);
        await mia.post(`/handoffs/${id}/close`, {});
    });
});

test('properties and attributes give it another face', () => {
    return within({ colorScheme: 'light' }, async (context, wrong) => {
        const dana = await docked(context, wrong, { theme: 'dark', side: 'start' }), { page } = dana;
        const chat = page.locator('tandem-chat');
        await chat.evaluate(one => one.style.setProperty('--tandem-accent', 'rgb(200, 30, 90)'));
        const launcher = page.locator('.launcher');
        assert.equal(await launcher.evaluate(one => getComputedStyle(one).backgroundColor), 'rgb(200, 30, 90)');
        assert.ok((await launcher.boundingBox()).x < 100, 'at the start');
        await launcher.click();
        assert.equal(await page.locator('.panel').evaluate(one => getComputedStyle(one).backgroundColor), 'rgb(22, 26, 27)');
    });
});

test('it speaks the five languages of the catalogue, and stands the other way round', () => {
    return within({ locale: 'en-GB' }, async (context, wrong) => {
        const texts = { da: 'Skriv en besked', de: 'Nachricht schreiben', es: 'Escriba un mensaje',
                        fr: 'Écrivez un message', en: 'Write a message', 'de-AT': 'Nachricht schreiben', xx: 'Write a message' };
        const visitor = new Customer(await watched(context, wrong));
        for (const [locale, text] of Object.entries(texts)) {
            await visitor.page.goto(`${gw.url}/chat/?locale=${locale}`);
            assert.equal(await visitor.box.getAttribute('placeholder'), text, locale);
            assert.equal(await visitor.page.locator('.panel').getAttribute('lang'), locale === 'xx' ? 'en' : locale.slice(0, 2));
        }
        const dana = await docked(context, wrong, { dir: 'rtl', lang: 'ar' }), { page } = dana;
        assert.ok((await page.locator('.launcher').boundingBox()).x < 100, 'the end is on the left');
        await page.locator('.launcher').click();
        await dana.online();
        const send = await page.locator('.send').boundingBox(), box = await dana.box.boundingBox();
        assert.ok(send.x < box.x);
        await dana.say('مرحبا, an order');
        await dana.sees('two orders');
        const mine = await page.locator('.me .text').boundingBox(), theirs = await page.locator('.agent .text').boundingBox();
        assert.ok(mine.x < theirs.x + theirs.width - mine.width);
        assert.equal(await page.locator('.agent .text p').first().evaluate(one => getComputedStyle(one).direction), 'ltr');
        await shot(page, 'widget-rtl');
    });
});

test('a signed customer is known to be who they are, and finds nobody else\'s talk', () => {
    return within({}, async (context, wrong) => {
        const sign = id => createHmac('sha256', 'not so secret').update(id).digest('hex');
        const as = (id, signature = sign(id)) => docked(context, wrong, { 'customer-id': id, 'customer-name': 'Dana', 'customer-signature': signature });
        const dana = await as('c-88');
        await dana.page.locator('.launcher').click();
        await dana.online();
        await dana.say('human');
        const { id } = await mia.waiting();
        const { body } = await mia.get(`/handoffs/${id}`);
        assert.equal(body.package.customer.verified, true);
        assert.equal(body.package.customer.name, 'Dana');
        await mia.post(`/handoffs/${id}/accept`);
        await mia.post(`/handoffs/${id}/close`, {});
        const eve = await as('c-89');
        await eve.page.locator('.launcher').click();
        await eve.online();
        await becomes(() => eve.texts('me'), []);
        const mallory = await as('c-90', 'f'.repeat(64));
        await mallory.page.locator('.launcher').click();
        await mallory.page.locator('.panel.online, .bar:has-text("refused")').first().waitFor();
    });
});

test('the chat page stands in a frame of a site that may, and in no other', () => {
    return within({}, async (context, wrong) => {
        const page = await watched(context, wrong);
        await page.goto(`${shopUrl}/framed`);
        const frame = page.frameLocator('iframe');
        await frame.locator('.panel.online').waitFor();
        await frame.locator('.composer textarea').fill('an order');
        await frame.locator('.composer textarea').press('Enter');
        await frame.getByText('two orders').waitFor();
        const { headers } = await fetch(`${gw.url}/chat/`);
        assert.match(headers.get('content-security-policy'), new RegExp(`frame-ancestors 'self' ${shopUrl}$`));
        assert.match((await fetch(`${gw.url}/desk/`)).headers.get('content-security-policy'), /frame-ancestors 'none'/);
    });
});

for (const colorScheme of ['light', 'dark']) {
    test(`no rule of accessibility is broken, ${colorScheme}, large, at 320 px, with text of 200 %`, () => {
        return within({ colorScheme, reducedMotion: 'reduce', viewport: { width: 1280, height: 800 } }, async (context, wrong) => {
            const dana = await Customer.visit(context, gw, { heading: 'Northwind Help' }, wrong), { page } = dana;
            await accessible(page, 'empty');
            await dana.say('Hello, how long can I return something?');
            await dana.sees('30 days');
            await dana.say('It is about an order of mine');
            await dana.sees('two orders');
            await accessible(page, 'choices');
            await shot(page, `widget-page-${colorScheme}`);
            await page.locator('input[type=file]').setInputFiles([
                { name: 'floor plan.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4 hello') },
                { name: 'bad.exe', mimeType: 'text/plain', buffer: Buffer.from('MZ\0\0') }]);
            await page.locator('.chosen .failed').waitFor();
            await accessible(page, 'files');
            await page.setViewportSize({ width: 320, height: 640 });
            await accessible(page, 'narrow');
            await fits(page, 'narrow');
            await shot(page, `widget-narrow-${colorScheme}`);
            await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
            await fits(page, 'text of 200 %');
            await accessible(page, 'text of 200 %');
            assert.ok((await dana.box.boundingBox()).width > 100);
            await shot(page, `widget-200-${colorScheme}`);
            assert.equal(await page.evaluate(() => document.getAnimations().filter(one => one.playState === 'running').length), 0);
        });
    });
}

test('on a phone it takes the whole screen', () => {
    return within({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true }, async (context, wrong) => {
        const dana = await docked(context, wrong), { page } = dana;
        await page.locator('.launcher').tap();
        await dana.online();
        await until(async () => {
            const { x, y, width, height } = await page.locator('.panel').boundingBox();
            return x === 0 && y === 0 && width === 390 && height === 780;
        }, 'the whole screen');
        await dana.say('an order');
        await dana.sees('two orders');
        await fits(page, 'phone');
        await shot(page, 'widget-phone');
    });
});
