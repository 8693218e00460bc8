/**
 * quickstart.mjs - the conf of contrib/quickstart, run: the shop's assistant answers with what stands
 * in the files, asks back once and remembers it over a crash, and hands over what it does not know.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Gateway, srcdir } from '../lib/gateway.mjs';

let gw;

/** The sections behind [tandem], with their paths where they are. */
function conf(dir) {
    const text = readFileSync(join(srcdir, 'contrib/quickstart.conf'), 'utf8');
    return text.slice(text.indexOf('[channel'))
        .replace('../conf/kb', join(srcdir, 'conf/kb'))
        .replace('mia.token', join(dir, 'mia.token'));
}

before(async () => {
    gw = new Gateway({});
    writeFileSync(join(gw.dir, 'mia.token'), 'token-of-mia', { mode: 0o600 });
    gw.options.conf = conf(gw.dir);
    await gw.start();
});

after(() => gw?.close());

async function greeted() {
    const chat = await Chat.open(gw, 'web', { hello: { locale: 'en-GB' } });
    assert.match((await chat.message()).text, /^Hello! What can I do for you\?/);
    return chat;
}

test('a question is answered from the files', async () => {
    const chat = await greeted();
    await chat.say('How long does a refund take?');
    assert.match((await chat.message()).text, /^Five working days after the parcel/);
    await chat.say('Danke! Wann habt ihr am Samstag geöffnet?');
    assert.match((await chat.message()).text, /^Der Laden in Camden ist von Montag bis Samstag/);
    await chat.close();
});

test('it asks back once, and takes the answer also after a crash', async () => {
    const chat = await greeted();
    await chat.say('refund');
    const asked = await chat.message();
    assert.match(asked.text, /^I want to be sure/);
    assert.ok(asked.choices.length >= 3);
    assert.equal(asked.choices.at(-1).value, 'none');
    await gw.kill();
    await gw.start();
    const again = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume,
                                                        last_seq: asked.seq } });
    const { title, value } = asked.choices[0];
    again.send({ type: 'message', id: 'chosen', text: title, choice: value });
    const answer = await again.message();
    assert.doesNotMatch(answer.text, /^I want to be sure|^I am sorry/);
    assert.equal(answer.choices, undefined);
    again.send({ type: 'message', id: 'chosen again', text: title, choice: value });
    const more = await again.message();
    assert.match(more.text, /^Here is that answer once more/);
    assert.ok(more.text.endsWith(answer.text));
    await again.close();
});

test('what it does not know it says, and Mia takes over with the reason', async () => {
    const mia = new Desk(gw, 'token-of-mia');
    const chat = await greeted();
    await chat.say('Can you book me a flight to Lisbon?');
    assert.match((await chat.message()).text, /^I am sorry, I do not have an answer to that\./);
    const { id } = await mia.waiting();
    const { body } = await mia.get(`/handoffs/${id}`);
    assert.equal(body.package.reason.code, 'no_grounding');
    assert.match(body.package.summary, /flight to Lisbon/);
    assert.equal((await mia.post(`/handoffs/${id}/accept`)).status, 200);
    await mia.post(`/handoffs/${id}/messages`, { id: '1', text: 'Hello, this is Mia.' });
    const said = await chat.next(f => f.type === 'message' && f.author.kind === 'human');
    assert.equal(said.text, 'Hello, this is Mia.');
    await mia.post(`/handoffs/${id}/return`, { note: 'done' });
    await chat.next(f => f.type === 'owner' && f.owner.kind === 'agent');
    await chat.say('what are your opening hours?');
    const hours = await chat.next(f => f.type === 'message' && f.author.kind === 'agent' &&
                                       f.text.startsWith('The shop in Camden is open'));
    assert.ok(hours.seq > said.seq);
    await chat.close();
});
