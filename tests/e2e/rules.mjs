/** rules.mjs - a rule speaks the customer's language, hands over or asks first, and watches the clock. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { texts } from '../lib/front.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

const TOKEN = 'token-of-the-operator';
let gw, dir;

before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'tandem-'));
    writeFileSync(join(dir, 'own.conf'),
                  '[texts de]\nrule.human = Ich suche jemanden[ von {business}].\n' +
                  'rule.offer = Dazu haben wir Fachleute.\n' +
                  '[texts en]\nrule.offer = We have experts for that.\n');
    gw = await Gateway.start({ dir, tandem: { admin_token: TOKEN, texts: 'own.conf', languages: 'en, de', business: 'Havn' },
        conf: '[channel web]\ntype = webchat\nagent = echo\nrate = 0\ndisclose_ai = no\n' +
              '[channel slow]\ntype = webchat\nagent = sleeper\nrate = 0\ndisclose_ai = no\n' +
              '[agent sleeper]\ntype = echo\ndelay = 10m\n' +
              '[rule slow]\ncode = agent_unavailable\nat = event\nwhen = waiting_s > 0.3\n' +
              '[agent echo]\ntype = echo\n[desk desk]\ntype = web\n[queue help]\ndesk = desk\n' +
              '[human mia]\ntoken = token-mia\n' +
              '[rule human]\ncode = customer_request\nwhen = want_human\n' +
              'text = I am looking for somebody[ of {business}].\n' +
              '[rule offer]\ncode = sales_call\nmode = offer\nwhen = repeated_message\n' });
});

after(async () => {
    await gw?.close();
    rmSync(dir, { recursive: true, force: true });
});

/** What the customer hears of us, the echoes left out. */
async function heard(locale, said, n) {
    const chat = await Chat.open(gw, 'web', { hello: { locale } });
    for (const text of said)
        await chat.say(text);
    await until(() => texts(chat, 'system').length >= n, `${n} texts`);
    chat.close();
    return texts(chat, 'system');
}

test('a rule that hands over says its text in the language of the customer', async () => {
    assert.equal((await heard('de', ['Ich will einen Menschen'], 2))[0],
                 'Ich suche jemanden von Havn.');
    assert.equal((await heard('en', ['I want a human'], 2))[0],
                 'I am looking for somebody of Havn.');
    assert.equal((await heard('fr', ['Je veux un humain'], 2))[0],
                 'I am looking for somebody of Havn.');
});

test('a rule that asks first says its text before the question, in the same language', async () => {
    const again = text => [text, text];
    const german = await heard('de', again('Wo ist mein Paket jetzt?'), 2);
    assert.equal(german[0], 'Dazu haben wir Fachleute.');
    assert.match(german[1], /Möchten Sie/);
    const english = await heard('en', again('Where is my parcel now?'), 2);
    assert.equal(english[0], 'We have experts for that.');
});

test('who waits longer than a rule says gets a human, though nothing else happens', async () => {
    const chat = await Chat.open(gw, 'slow', { hello: { locale: 'en' } });
    await chat.say('Is anybody at it?');
    await until(() => texts(chat, 'system').length > 0, 'the word that a human is looked for', 20000);
    const res = await fetch(`${gw.url}/api/v1/sessions/${chat.welcome.session}/policy`,
                            { headers: { Authorization: `Bearer ${TOKEN}` } });
    const { points } = await res.json();
    assert.equal(points.find(p => p.what === 'handoff').code, 'agent_unavailable');
    assert.match(JSON.stringify(points), /"slow"/);
    assert.match(JSON.stringify(points), /waiting_s/);
    chat.close();
});
