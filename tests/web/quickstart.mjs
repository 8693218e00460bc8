/** quickstart.mjs - the conf of contrib/quickstart in two browsers: a newcomer plays both parts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { launchChromium, shot, skipWithoutBrowser } from '../lib/browser.mjs';
import { Customer } from '../lib/customer.mjs';
import { Gateway, srcdir, until } from '../lib/gateway.mjs';
import { Human } from '../lib/human.mjs';

skipWithoutBrowser('the quickstart in two browsers');

const conf = readFileSync(join(srcdir, 'contrib/quickstart.conf'), 'utf8').replace(/^[^]*?(?=^\[channel)/m, '')
    .replace('../conf/kb', join(srcdir, 'conf/kb')).replace('@file:mia.token', 'token-of-mia')
    .replace('type  = webchat', 'type = webchat\ndisclose_ai = yes');
const gw = await Gateway.start({ conf, tandem: { business: 'Northlight Lamps' } });
const browser = await launchChromium();

after(async () => {
    await browser.close();
    await gw.close();
});

test('a newcomer asks, is handed over, takes over as Mia, and gives back', async () => {
    const context = await browser.newContext({ viewport: { width: 480, height: 800 } }), wrong = [];
    const dana = await Customer.visit(context, gw, { heading: 'Northlight Lamps' }, wrong);
    await dana.say('How long does a refund take?');
    await dana.answered(2);
    await dana.say('Can you engrave the name of my dog on a lamp?');
    await dana.page.locator('.bar.wait').waitFor();

    const desk = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const mia = await Human.enter(desk, gw, 'token-of-mia', wrong);
    await mia.page.keyboard.press('Alt+p');
    await mia.page.locator('.avatar.available').waitFor();
    await mia.page.keyboard.press('Alt+a');
    await mia.has('Customer');
    // The refund was answered: it is not what this is about.
    assert.deepEqual(await mia.page.locator('.brief summary .badge').allInnerTexts(), ['No source for an answer', 'Unknown']);
    await mia.write('Hello, Mia here. We do engrave: up to **20 letters**, at no charge.');
    await dana.sees('20 letters');
    await dana.say('How lovely. Then please write "Bella" on it.');
    await mia.sees('Bella');
    await mia.write('Bella it is. Your lamp leaves tomorrow.');
    await dana.sees('Bella it is');
    await mia.page.locator('.state', { hasText: 'Read' }).last().waitFor();
    await shot(dana.page, 'chat');
    await shot(mia.page, 'desk');
    await mia.page.keyboard.press('Alt+b');
    await mia.page.getByLabel('What you agreed on').fill('Engraving "Bella", at no charge.');
    await mia.page.locator('dialog').getByRole('button', { name: 'Give back' }).click();
    await mia.page.getByText('Nobody is waiting').waitFor();
    await until(async () => /AI/.test(await dana.page.locator('header .owner').innerText()), 'the agent');
    const before = (await dana.answers()).length;
    await dana.say('When will my parcel arrive?');
    await dana.answered(before + 1);
    assert.deepEqual(wrong, []);
    await context.close();
    await desk.close();
});
