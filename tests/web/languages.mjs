/** languages.mjs - desk and report in the five languages: every word is there, and the page says which it speaks. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { accessible, fits, launchChromium, shot, skipWithoutBrowser, watched } from '../lib/browser.mjs';
import { Chat } from '../lib/chat.mjs';
import { Desk, MIA } from '../lib/desk.mjs';
import { Gateway, srcdir, until } from '../lib/gateway.mjs';

skipWithoutBrowser('desk and report in five languages');

const LANGUAGES = ['en', 'de', 'es', 'fr', 'da'];
const words = Object.fromEntries(LANGUAGES.map(one =>
    [one, JSON.parse(readFileSync(join(srcdir, `contrib/web/desk/words/${one}.json`)))]));

const gw = await Gateway.start({ tandem: { admin_token: 'secret' }, conf: `
[agent e]
type = echo
[channel web]
type = webchat
agent = e
queue = help
disclose_ai = no
${MIA}supervise = yes
` });
const browser = await launchChromium(), mia = new Desk(gw, 'token-mia');
const chat = await Chat.open(gw, 'web', { hello: { customer: { name: 'Dana' } } });

after(async () => {
    await browser.close();
    chat.close();
    await gw.close();
});

const flat = (object, path = '') => Object.entries(object).flatMap(([key, value]) =>
    typeof value === 'string' ? [[path + key, value]] : flat(value, `${path}${key}.`));
const places = text => [...text.matchAll(/\{\w+\}/g)].map(String).sort().join();

test('every language has every word of the English one, no other, and the same places in it', () => {
    const english = flat(words.en);
    for (const one of LANGUAGES) {
        const theirs = new Map(flat(words[one]));
        assert.deepEqual([...theirs.keys()].sort(), english.map(([key]) => key).sort(), one);
        for (const [key, text] of english) {
            assert.ok(theirs.get(key).trim(), `${one}: ${key}`);
            assert.equal(places(theirs.get(key)), places(text), `${one}: ${key}`);
        }
    }
});

/** A page of a reader of this language, signed in. */
async function enter(locale, path, token, check) {
    const context = await browser.newContext({ locale, reducedMotion: 'reduce', viewport: { width: 1280, height: 800 } });
    const wrong = [], page = await watched(context, wrong);
    page.asked = [];
    page.on('request', request => page.asked.push(new URL(request.url()).pathname));
    try {
        await page.goto(`${gw.url}${path}`);
        const t = words[locale.slice(0, 2)] ?? words.en;
        await page.getByRole('button', { name: t.signIn, exact: true }).waitFor();
        if (path === '/desk/') await accessible(page, `${locale}: signing in`);
        await page.getByLabel(t.token).fill(token);
        await page.keyboard.press('Enter');
        await check(page, t);
        assert.deepEqual(wrong, []);
    } finally {
        await context.close();
    }
}

const spoken = page => page.evaluate(() => document.documentElement.lang);

for (const locale of ['en-GB', 'de-AT', 'es-ES', 'fr-FR', 'da-DK', 'fi-FI']) {
    const known = words[locale.slice(0, 2)] ? locale.slice(0, 2) : 'en';
    test(`a browser of ${locale} gets desk and report in ${known}, and no other language is loaded`, async () => {
        await enter(locale, '/desk/', 'token-mia', async (page, t) => {
            await page.getByRole('heading', { name: t.nobodyWaits }).waitFor();
            assert.equal(await spoken(page), known);
            assert.equal(await page.title(), t.desk);
            await accessible(page, `${locale}: the desk`);
            await page.keyboard.press('Alt+/');
            await page.getByText(t.keys.earlier).waitFor();
            await page.keyboard.press('Escape');
            const loaded = LANGUAGES.filter(one => page.asked.some(path => path.includes(`/assets/${one}-`)));
            assert.deepEqual(loaded, known === 'en' ? [] : [known]);
        });
        await enter(locale, '/desk/report/', 'secret', async (page, t) => {
            await page.getByRole('heading', { name: t.dropOff }).waitFor();
            assert.equal(await spoken(page), known);
            assert.equal(await page.title(), t.report);
            await accessible(page, `${locale}: the report`);
            await page.setViewportSize({ width: 320, height: 700 });
            await fits(page, `${locale}: narrow`);
        });
    });
}

test('another language is chosen by keyboard, also in the middle of a conversation, and kept', async () => {
    await chat.say('hello');
    const { body } = await mia.get('/sessions');
    await mia.post(`/sessions/${body.sessions[0].id}/take`);
    await mia.waiting('mine');
    await enter('en-GB', '/desk/', 'token-mia', async page => {
        await page.locator('.card').click();
        await page.getByLabel('Message to Dana').fill('not yet sent');
        await page.getByLabel('Language').focus();
        await page.keyboard.press('d'); // Deutsch
        await page.getByLabel('Nachricht an Dana').waitFor();
        assert.equal(await page.getByLabel('Nachricht an Dana').inputValue(), 'not yet sent');
        assert.equal(await spoken(page), 'de');
        await until(() => page.locator('.language select').evaluate(one => one === document.activeElement), 'the focus on the switch');
        await accessible(page, 'a conversation in German');
        await shot(page, 'desk-german');
        await page.setViewportSize({ width: 320, height: 700 });
        await fits(page, 'German, narrow');
        await page.reload();
        await page.getByRole('button', { name: 'Abmelden' }).waitFor();
        assert.equal(await spoken(page), 'de');
    });
    await mia.post(`/handoffs/${(await mia.list('mine'))[0].id}/close`, {});
});
