/**
 * sms_http_media.mjs - what goes beside the text: pictures of customers come in as attachments, also over a crash,
 * and what is too long for SMS, or is a file, goes out as text.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Bot } from '../lib/bot.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { peer } from '../lib/peers.mjs';
import { ACCOUNT, SmsProvider, TOKEN, api, missing as skip, somebody } from '../lib/sms_provider.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const SENTENCE = 'This is a sentence of exactly sixty letters, counted by us. ';
let gw, provider, cdn, front;

/** Who says things that are long, with an emoji, or has a file. */
const agent = () => Bot.start((_, res, body) => {
    const text = body.messages.map(m => m.text ?? '').join(' ');
    return text.includes('plan')
        ? { messages: [{ text: 'Here it is.', attachments: [{ name: 'plan.png', data: PNG.toString('base64') }] }] }
        : text.includes('long') ? SENTENCE.repeat(40)
        : text.includes('emoji') ? `${SENTENCE.repeat(20)}😀` : `re: ${text}`;
});

before(async () => {
    if (skip) return;
    [provider, cdn, front] = await Promise.all([SmsProvider.start('twilio'), SmsProvider.start('twilio'), agent()]);
    gw = await Gateway.start({ tandem: { admin_token: 'operator' }, conf: `
${provider.conf('sms', `agent = front
file_hosts = ${cdn.url.slice(7)}
max_parts = 5
max_messages = 2
`)}
[agent front]
type = http
url  = ${front.url}
` });
});
after(async () => {
    await gw?.close();
    await provider?.stop();
    await cdn?.stop();
    front?.stop();
});

/** The customer's messages, as the journal has them. */
async function written(who) {
    for (const { id } of JSON.parse(await api(gw, '/sessions')).sessions) {
        const records = (await api(gw, `/sessions/${id}/journal?bodies=1`)).trim().split('\n').map(l => JSON.parse(l));
        if (records[0].body?.peer === who) return records.filter(r => r.type === 'message');
    }
    return [];
}
const filesOf = record => record?.body?.attachments ?? record?.attachments ?? [];
const mms = (who, text, urls) => provider.say(gw, who, text, { NumMedia: String(urls.length),
    ...Object.fromEntries(urls.flatMap((url, i) => [[`MediaUrl${i}`, url], [`MediaContentType${i}`, 'image/png']])) });

test('pictures come in as attachments: with the token where the conf says so, by a redirect, too', { skip }, async () => {
    const who = somebody();
    provider.files['/m/1'] = { type: 'image/png', body: PNG };
    provider.files['/m/2'] = { status: 307, headers: { Location: `${cdn.url}/far.png` } };
    cdn.files['/far.png'] = { type: 'image/png', body: PNG };
    assert.equal((await mms(who, 'look', [`${provider.url}/m/1`, `${provider.url}/m/2`])).text, '<Response/>');
    const [message] = await until(async () => { const all = await written(who); return all.length && all; }, 'the message', 10000);
    assert.equal(filesOf(message).length, 2);
    assert.match(JSON.stringify(filesOf(message)), /image\/png.*far\.png/);
    const basic = `Basic ${Buffer.from(`${ACCOUNT.twilio}:${TOKEN}`).toString('base64')}`;
    assert.deepEqual(provider.gets.map(g => g.authorization), [basic, basic]);
    await provider.hears(who, 're: look');
});

test('a picture of a host that nobody named, or that is gone, costs only itself', { skip }, async () => {
    const who = somebody();
    await mms(who, 'and this', ['http://127.0.0.1:9/x.png', `${provider.url}/gone`]);
    const [message] = await until(async () => { const all = await written(who); return all.length && all; }, 'the message', 10000);
    assert.equal(filesOf(message).length, 0);
    assert.match(message.body.text, /^and this\n\[a file was not taken: .*file_hosts\]\n\[a file was not taken: .*404\]$/);
});

test('a picture that was answered for is fetched after a crash, and the message comes once', { skip }, async () => {
    const who = somebody();
    provider.files['/m/slow'] = { status: 503, headers: { 'Retry-After': '60' } };
    assert.equal((await mms(who, 'before the crash', [`${provider.url}/m/slow`])).status, 200);
    await gw.kill();
    provider.files['/m/slow'] = { type: 'image/png', body: PNG };
    await gw.start();
    const messages = await until(async () => { const all = await written(who); return all.length && all; }, 'the message', 10000);
    assert.deepEqual([messages.length, filesOf(messages[0]).length], [1, 1]);
});

test('an answer has as many parts as were allowed, by another counter, too, and says what is left out', { skip }, async () => {
    const segments = text => new (peer('sms-segments-calculator').SegmentedMessage)(text, 'auto').segmentsCount;
    for (const what of ['long', 'emoji']) {
        const who = somebody();
        await provider.say(gw, who, `something ${what}, please`);
        await until(() => provider.heard(who).length === 2, 'two messages', 10000);
        const heard = provider.heard(who);
        for (const text of heard) assert.ok(segments(text) <= 5, `${segments(text)} segments`);
        assert.match(heard[0], /counted by us\.$/);
        assert.match(heard[1], /counted by us\. \[\.\.\.\] The whole answer is too long for SMS\.$/);
    }
});

test('a file of the agent goes out as a signed link that works', { skip }, async () => {
    const who = somebody();
    await provider.say(gw, who, 'the plan, please');
    const { text } = await provider.hears(who, 'Here it is.');
    const url = text.match(/plan\.png \(\d+ bytes\): (\S+)/)?.[1];
    assert.ok(url, text);
    assert.ok(text.length <= 160, `${text.length} letters`);
    const link = new URL(url, gw.url), got = await fetch(link);
    assert.equal(link.pathname.length, 46, 'each letter is paid for');
    assert.deepEqual([got.status, Buffer.from(await got.arrayBuffer()).equals(PNG)], [200, true]);

    const token = link.pathname.slice(3), status = async path => (await fetch(new URL(path, gw.url))).status;
    for (let at = 0; at < token.length; at++) {
        const other = token[at] === 'A' ? 'Q' : 'A';
        assert.equal(await status(`/f/${token.slice(0, at)}${other}${token.slice(at + 1)}`), 403, `letter ${at} changed`);
    }
    for (const odd of ['', token.slice(1), `${token}=`, `${token}A`, '='.repeat(43), '+'.repeat(43), `${token}?x=1`])
        assert.equal(await status(`/f/${odd}`), 403, odd);
    assert.equal((await fetch(link, { method: 'POST', body: 'x' })).status, 405);
});
