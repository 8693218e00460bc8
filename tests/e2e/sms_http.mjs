/**
 * sms_http.mjs - short messages by HTTP providers: the cases T01 to T11 of Twilio and V01 to V04 of
 * Vonage, signed by their own SDKs; a provider that is slow, full, or wants none of it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';

import { Gateway, until } from '../lib/gateway.mjs';
import { ACCOUNT, OURS, SECRET, SmsProvider, TOKEN, api, becomes, missing as skip, said, somebody, twilio }
    from '../lib/sms_provider.mjs';

const ECHO = '[agent front]\ntype = echo\n';

async function start(kind, keys = '', options = {}) {
    const provider = await SmsProvider.start(kind, options);
    const gw = await Gateway.start({ conf: `${provider.conf('sms', `agent = front\n${keys}`)}\n${ECHO}`,
                                     tandem: { admin_token: 'operator' } });
    return { provider, gw };
}

async function metric(gw, name) {
    const text = await (await fetch(`${gw.url}/metrics`)).text();
    const line = text.split('\n').find(l => l.startsWith(`tandem_plugin_${name}_total{`));
    return Number(line?.split(' ').at(-1) ?? 0);
}

/** Whether a message that failed with that code says that nobody can be reached there, code by code. */
async function reached(expect, gw, provider, fails) {
    const who = somebody(), codes = Object.keys(expect);
    for (const code of codes) {
        await provider.say(gw, who, `lost by ${code}`);
        await fails((await provider.hears(who, `lost by ${code}`)).id, code);
    }
    const got = await until(async () => {
        const all = await said(gw, who);
        return all.length === codes.length && all.every(m => m.state === 'failed') && all;
    }, 'all of them to fail');
    assert.deepEqual(Object.fromEntries(got.map(m => [m.text.split(' ').at(-1), m.unreachable])), expect);
}

describe('Twilio', { skip }, () => {
    let gw, provider;

    before(async () => { ({ gw, provider } = await start('twilio', 'timeout = 500ms\n')); });
    after(async () => { await gw?.close(); await provider?.stop(); });
    afterEach(() => { provider.onSend = () => ({}); });

    test('T01 a signature as the SDK makes it is taken, and the vector of the manual is its', async () => {
        const params = { CallSid: 'CA1234567890ABCDE', Caller: '+14158675309', Digits: '1234', From: '+14158675309',
                         To: '+18005551212' };
        assert.equal(twilio.getExpectedTwilioSignature('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2', params),
                     'RSOYDt4T1cUTdK1PDd93/VVr8B8=');
        const who = somebody();
        assert.equal((await provider.say(gw, who, 'hello, world')).status, 200);
        const sent = await provider.hears(who, 'hello, world');
        assert.equal(sent.path, `/2010-04-01/Accounts/${ACCOUNT.twilio}/Messages.json`);
        assert.equal(sent.headers.authorization,
                     `Basic ${Buffer.from(`${ACCOUNT.twilio}:${TOKEN}`).toString('base64')}`);
        assert.deepEqual(sent.fields, { From: OURS, To: who, Body: 'hello, world', StatusCallback: provider.publicUrl });
    });

    test('T01 it may be made by HMAC-SHA256, when its settings say so', async () => {
        const who = somebody(), fields = provider.message(who, 'by sha256');
        const sign = kind => ({ 'X-Twilio-Signature': twilio.getExpectedTwilioSignature(TOKEN, provider.publicUrl, fields, kind),
                                'X-Twilio-Webhooks-Signature-Settings': `key=SK1,algorithm=${kind}` });
        assert.equal((await provider.hook(gw, fields, { headers: sign('HMAC_SHA256') })).status, 200);
        assert.equal((await provider.hook(gw, fields, { headers: { ...sign('HMAC_SHA256'),
            'X-Twilio-Webhooks-Signature-Settings': 'algorithm=HMAC_NONE' } })).status, 403);
    });

    test('T02 a field that stands twice is signed once for each of its values, sorted', async () => {
        const who = somebody(), fields = provider.message(who, 'twice');
        const raw = `${new URLSearchParams(fields)}&a=2&a=1&a=2`;
        const header = twilio.getExpectedTwilioSignature(TOKEN, provider.publicUrl, { ...fields, a: ['2', '1', '2'] });
        assert.equal(twilio.getExpectedTwilioSignature('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2',
                                                       { a: ['2', '1', '2'] }), 'rV61GCYHWdGiv6bwbJlqhbvlwME=');
        assert.equal((await provider.hook(gw, fields, { raw, headers: { 'X-Twilio-Signature': header } })).status, 200);
        await provider.hears(who, 'twice');
    });

    test('T03 of a body of JSON the hash stands in the URL, which alone is signed', async () => {
        const who = somebody(), raw = JSON.stringify(provider.message(who, 'as JSON'));
        const query = `bodySHA256=${createHash('sha256').update(raw).digest('hex')}`;
        const send = (body, q) => provider.hook(gw, {}, { as: 'json', raw: body, query: q, unsigned: true, headers:
            provider.signed({}, { query: q }).headers });
        assert.equal((await send(raw.replace('JSON', 'json'), query)).status, 403);
        assert.equal((await send(raw, '')).status, 403);
        assert.equal((await send(raw, query)).status, 200);
        await provider.hears(who, 'as JSON');
    });

    test('T04 what is forged, changed or not signed is refused and is no message', async () => {
        const who = somebody(), fields = provider.message(who, 'forged'), before = await metric(gw, 'forged');
        const good = provider.signed(fields).headers;
        for (const headers of [{}, { 'X-Twilio-Signature': '' }, { 'X-Twilio-Signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' },
                               provider.signed(fields, { token: 'other' }).headers])
            assert.equal((await provider.hook(gw, fields, { headers: { ...headers, x: 'y' } })).status, 403);
        assert.equal((await provider.hook(gw, { ...fields, Body: 'changed' }, { headers: good })).status, 403);
        assert.equal((await provider.hook(gw, fields, { headers: good, query: 'a=1' })).status, 403);
        assert.equal(await metric(gw, 'forged'), before + 6);
        assert.equal((await provider.hook(gw, fields, { headers: good })).status, 200);
        await provider.hears(who, 'forged');
        assert.deepEqual(provider.heard(who), ['forged']);
    });

    test('T05 the URL is public_url and the query as it came, with the usual port or without', async () => {
        for (const [query, publicUrl] of [['b=2&a=1', undefined], ['x=%7E%20+é'.replace('é', '%C3%A9'), undefined],
                                          ['', 'https://gw.example:443/hooks/sms']]) {
            const who = somebody();
            assert.equal((await provider.say(gw, who, 'by its URL', {}, { query, publicUrl })).status, 200, query);
            await provider.hears(who, 'by its URL');
        }
        assert.equal((await provider.say(gw, somebody(), 'x', {}, { publicUrl: 'https://gw.example:444/hooks/sms' })).status, 403);
    });

    test('T06 what a proxy says of itself changes nothing', async () => {
        const fields = provider.message(somebody(), 'through a proxy');
        const headers = { ...provider.signed(fields).headers, 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http',
                          'X-Forwarded-Port': '81', 'X-Original-URL': '/other' };
        assert.equal((await provider.hook(gw, fields, { headers })).status, 200);
        const evil = twilio.getExpectedTwilioSignature(TOKEN, 'http://evil.example:81/hooks/sms', fields);
        assert.equal((await provider.hook(gw, fields, { headers: { ...headers, 'X-Twilio-Signature': evil } })).status, 403);
    });

    test('T07 the same MessageSid twice is one message', async () => {
        const who = somebody(), fields = provider.message(who, 'once');
        const answers = await Promise.all([1, 2, 3].map(() => provider.hook(gw, fields)));
        assert.deepEqual(answers.map(a => a.status), [200, 200, 200]);
        await provider.say(gw, who, 'and then');
        await provider.hears(who, 'and then');
        assert.equal(provider.heard(who).join().split('once').length, 2);
    });

    test('T08 the answer is an empty Response, when the message is on disk', async () => {
        let fastest = Infinity; // of a few: a busy machine is no fault of it
        for (let n = 0; n < 5; n++) {
            const from = Date.now(), answer = await provider.say(gw, somebody(), 'hello');
            assert.deepEqual([answer.status, answer.type, answer.text], [200, 'text/xml', '<Response/>']);
            fastest = Math.min(fastest, Date.now() - from);
        }
        assert.ok(fastest < 2000, `${fastest} ms`);
    });

    test('T09 statuses may come in any order, also before we know the id: the final one counts', async () => {
        const who = somebody();
        let early;
        provider.onSend = message => { // before our request is answered
            message.id = 'SMearly0000000000000000000000000001';
            early = provider.receipt(gw, message.id, 'delivered');
            return { body: { sid: message.id, error_code: null } };
        };
        await provider.say(gw, who, 'in any order');
        await becomes(gw, who, 'delivered');
        assert.equal((await early).status, 200);
        for (const word of ['sent', 'queued', 'sending'])
            await provider.receipt(gw, 'SMearly0000000000000000000000000001', word);
        provider.onSend = () => ({});
        await provider.say(gw, who, 'which fails');
        const { id } = await provider.hears(who, 'which fails');
        await provider.receipt(gw, id, 'undelivered', { ErrorCode: '30003' });
        await becomes(gw, who, 'failed', /undelivered err:30003/);
        await provider.receipt(gw, id, 'sent');
        await provider.say(gw, who, 'last');
        await provider.hears(who, 'last');
        assert.deepEqual((await said(gw, who)).map(m => m.state).slice(0, 2), ['delivered', 'failed']);
    });

    test('nobody is at a number that is unknown or takes no SMS; a handset that is off is another matter', () => reached({
        30003: false, 30005: true, 30006: true, 30007: false, 30008: false, 21610: false, 21635: true,
    }, gw, provider, (id, code) => provider.receipt(gw, id, 'undelivered', { ErrorCode: code })));

    const error = (status, code, message) => ({ status, body: { code, message, status, more_info: '' } });

    test('T10 throttling is waited out as long as the provider says, and nothing is lost', async () => {
        const who = somebody();
        const times = [];
        provider.onSend = () => (times.push(Date.now()), times.length === 1
            ? { ...error(429, 20429, 'Too Many Requests'), headers: { 'Retry-After': '1' } } : {});
        await provider.say(gw, who, 'not so fast');
        await provider.hears(who, 'not so fast');
        assert.ok(times[1] - times[0] >= 990, `${times[1] - times[0]} ms`);
        assert.ok(await metric(gw, 'throttled') >= 1);
        assert.deepEqual(provider.heard(who), ['not so fast']);
    });

    test('T10 an opt-out that the provider knows of is taken into the ledger', async () => {
        const who = somebody();
        provider.onSend = () => error(400, 21610, 'Attempt to send to unsubscribed recipient');
        await provider.say(gw, who, 'still there?');
        await becomes(gw, who, 'failed', /^opted_out: .*21610/);
        provider.onSend = () => ({});
        await provider.say(gw, who, 'again');
        await becomes(gw, who, 'failed', /^opted_out: the customer wants no messages/);
        assert.deepEqual(provider.heard(who), []);
    });

    test('T10 an address that is none fails at once', async () => {
        for (const code of [21211, 21614]) {
            const who = somebody();
            provider.onSend = () => error(400, code, "Invalid 'To' Phone Number");
            await provider.say(gw, who, 'hello?');
            await becomes(gw, who, 'failed', new RegExp(`^invalid_destination: .*${code}`));
        }
    });

    test('T10 a request that is not answered is uncertain and not made again', async () => {
        for (const how of [{ hang: true }, { cut: true }]) {
            const who = somebody();
            provider.onSend = () => how;
            await provider.say(gw, who, 'perhaps');
            await becomes(gw, who, 'uncertain');
            provider.onSend = () => ({});
            await provider.say(gw, who, 'the next');
            await provider.hears(who, 'the next');
            assert.deepEqual(provider.heard(who), ['perhaps', 'the next']);
        }
    });

    test('T10 credentials that are not taken are an event with a sentence, and cost no message', async () => {
        const who = somebody();
        provider.onSend = () => ({ ...error(401, 20003, 'Authenticate'), headers: { 'Retry-After': '1' } });
        await provider.say(gw, who, 'later');
        await until(() => /does not take our account or token/.test(gw.log), 'the sentence in the log');
        await until(async () => /credentials are not taken/.test(await api(gw, '/channels')), 'the state', 5000);
        provider.onSend = () => ({});
        await provider.hears(who, 'later');
    });

    test('STOP is confirmed once and holds, START ends it; a wish that Twilio dealt with is only written down', async () => {
        const who = somebody(), other = somebody();
        await provider.say(gw, who, ' stop.');
        await provider.hears(who, 'no more messages');
        await provider.say(gw, who, 'STOP');
        await provider.say(gw, who, 'anybody?');
        await becomes(gw, who, 'failed', /^opted_out/);
        assert.equal(provider.heard(who).length, 1);
        await provider.say(gw, who, 'START');
        await provider.hears(who, 'again');
        await provider.say(gw, who, 'hello');
        await provider.hears(who, 'hello');
        await provider.say(gw, other, 'STOP', { OptOutType: 'STOP' });
        await provider.say(gw, other, 'hello?');
        await becomes(gw, other, 'failed', /^opted_out/);
        assert.deepEqual(provider.heard(other), []);
        await provider.say(gw, other, 'START', { OptOutType: 'START' });
        await provider.say(gw, other, 'back');
        await provider.hears(other, 'back');
        await until(async () => /opted out \d+/.test(await api(gw, '/channels')), 'the count');
    });

    test('what is no form, or has a NUL, is refused; other methods, too', async () => {
        const raw = async (body, type = 'application/x-www-form-urlencoded') =>
            (await provider.hook(gw, {}, { raw: body, headers: { 'Content-Type': type } })).status;
        assert.equal(await raw('a=%00'), 400);
        assert.equal(await raw('a=%ff'), 400);
        assert.equal(await raw('x=1&'.repeat(300)), 400);
        assert.equal(await raw('[1]', 'application/json'), 400);
        assert.equal(await raw('a=1'), 403);
        assert.equal((await fetch(`${gw.url}/hooks/sms`, { method: 'PUT', body: 'x' })).status, 405);
    });
});

test('T11 without a token, a public_url or a signature_secret it does not start, and says why', { skip }, async () => {
    const conf = { twilio: { account: 'AC1', token: TOKEN, public_url: 'https://gw.example/hooks/sms' },
                   vonage: { account: 'a', token: TOKEN, signature_secret: SECRET } };
    const cases = [['twilio', { token: '"  "' }, /token/], ['twilio', { token: null }, /token/],
                   ['twilio', { public_url: null }, /public_url/], ['twilio', { public_url: 'gw.example' }, /public_url/],
                   ['vonage', { signature_secret: null }, /signature_secret/]];
    for (const [provider, keys, why] of cases) {
        const all = { type: 'sms_http', provider, agent: 'front', source: '12345', ...conf[provider], ...keys };
        const lines = Object.entries(all).filter(([, v]) => v !== null).map(([k, v]) => `${k} = ${v}`);
        const gw = new Gateway({ conf: `[channel sms]\n${lines.join('\n')}\n${ECHO}` });
        gw.writeConf();
        const run = spawnSync(gw.binary, ['-c', gw.confPath], { encoding: 'utf8', timeout: 20000 });
        assert.ok([1, 64].includes(run.status), JSON.stringify(keys));
        assert.match(run.stderr, why);
        await gw.close();
    }
});

describe('Vonage', { skip }, () => {
    let gw, provider;

    before(async () => { ({ gw, provider } = await start('vonage', 'max_skew = 60s\nconcat_timeout = 1s\ndlr_settle = 200ms\n')); });
    after(async () => { await gw?.close(); await provider?.stop(); });
    afterEach(() => { provider.onSend = () => ({}); provider.parts = null; });

    test('V01 a sig over the sorted fields is taken; a wrong one, and an old one, are not', async () => {
        const who = somebody();
        assert.equal((await provider.say(gw, who, 'a & b = c')).status, 200);
        const sent = await provider.hears(who, 'a & b = c');
        assert.equal(sent.path, '/sms/json');
        assert.deepEqual([sent.fields.api_key, sent.fields.api_secret, sent.fields.type], [ACCOUNT.vonage, TOKEN, 'text']);
        assert.equal(`+${sent.fields.to}`, who);
        assert.equal((await provider.say(gw, who, 'x', {}, { age: 61 })).status, 403);
        assert.equal((await provider.say(gw, who, 'x', {}, { age: -61 })).status, 403);
        assert.equal((await provider.say(gw, who, 'x', {}, { token: 'other' })).status, 403);
        const { fields } = provider.signed(provider.message(who, 'x'));
        assert.equal((await provider.hook(gw, { ...fields, text: 'y' }, { headers: { a: 'b' } })).status, 403);
        assert.equal((await provider.hook(gw, { ...fields, sig: fields.sig.toUpperCase() }, { headers: { a: 'b' } })).status, 200);
    });

    test('V02 a JWT with the hash of the body is taken; another body, key, hash or time is not', async () => {
        const who = somebody();
        const raw = JSON.stringify({ message_uuid: provider.id(), from: who.slice(1), to: OURS.slice(1), channel: 'sms',
                                     message_type: 'text', text: 'by JWT', timestamp: new Date().toISOString() });
        const send = (headers, body = raw) => provider.hook(gw, {}, { as: 'json', raw: body, headers });
        const now = Math.floor(Date.now() / 1000);
        for (const headers of [provider.jwt(`${raw} `), provider.jwt(raw, {}, { secret: 'other' }),
                               provider.jwt(raw, { iat: now - 61 }), provider.jwt(raw, { iat: now + 90 }),
                               provider.jwt(raw, { api_key: 'somebody' }), provider.jwt(raw, {}, { algorithm: 'HS512' }),
                               provider.jwt(raw, { payload_hash: undefined }), { Authorization: 'Bearer a.b.c' },
                               { Authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }])
            assert.equal((await send(headers)).status, 403, JSON.stringify(headers));
        assert.equal((await send(provider.jwt(raw))).status, 200);
        await provider.hears(who, 'by JWT');
    });

    test('V03 by GET, as a form and as JSON', async () => {
        for (const as of ['get', 'form', 'json']) {
            const who = somebody();
            assert.equal((await provider.say(gw, who, `as ${as} ✓`, {}, { as })).status, 200, as);
            const sent = await provider.hears(who, `as ${as} ✓`);
            assert.equal(sent.fields.type, 'unicode');
        }
    });

    test('V03 what a sig does not cover, such as an object within the JSON, is not taken', async () => {
        const { fields } = provider.signed(provider.message(somebody(), 'and a picture'));
        const raw = JSON.stringify({ ...fields, image: { url: 'https://evil.example/x.png' } });
        assert.equal((await provider.hook(gw, {}, { as: 'json', raw, headers: { a: 'b' } })).status, 403);
    });

    test('V04 parts of a message are joined in any order, and what stays away is left out', async () => {
        const who = somebody(), other = somebody();
        const part = (peer, ref, n, total, text) => provider.say(gw, peer, text, { concat: 'true', 'concat-ref': ref,
            'concat-total': String(total), 'concat-part': String(n) });
        for (const [n, text] of [[3, 'three'], [1, 'one 😀 '], [2, 'two '], [1, 'one 😀 ']])
            assert.equal((await part(who, '7', n, 3, text)).status, 200);
        await provider.hears(who, 'one 😀 two three');
        await part(other, '8', 2, 2, 'the end');
        await provider.hears(other, '[…]the end');
        assert.equal(provider.heard(who).length, 1);
    });

    test('receipts of a message in parts come by part: delivered with the last, failed with any', async () => {
        const who = somebody(), other = somebody();
        provider.parts = message => Math.ceil(message.text.length / 153);
        await provider.say(gw, who, 'x'.repeat(300));
        const { ids } = await until(() => provider.sent.find(m => m.to === who && m.ids), 'the message');
        assert.equal(ids.length, 2);
        assert.equal((await provider.hook(gw, provider.status(ids[0], 'accepted'), { as: 'get' })).status, 200);
        await provider.hook(gw, provider.status(ids[1], 'delivered'), { as: 'json' });
        await becomes(gw, who, 'delivered');
        await provider.say(gw, other, 'y'.repeat(300));
        const second = await until(() => provider.sent.find(m => m.to === other && m.ids), 'the message');
        await provider.receipt(gw, second.ids[0], 'failed', { 'err-code': '6' });
        await becomes(gw, other, 'failed', /failed err:6/);
    });

    test('nobody is at a number that is absent for good, barred or unroutable; an opt-out is none', () => reached({
        1: false, 2: false, 3: true, 4: true, 7: false, 9: false, 12: true, 14: true,
    }, gw, provider, (id, code) => provider.receipt(gw, id, 'failed', { 'err-code': code })));

    test('its own words of throttling and refusal are understood', async () => {
        const who = somebody(), other = somebody();
        const says = status => ({ body: { 'message-count': '1', messages: [{ status, 'error-text': 'Why' }] } });
        let n = 0;
        provider.onSend = () => n++ === 0 ? says('1') : {};
        await provider.say(gw, who, 'in a while');
        await until(() => provider.sent.filter(m => m.to === who).length === 2, 'the second try', 10000);
        provider.onSend = () => says('33');
        await provider.say(gw, other, 'nobody');
        await becomes(gw, other, 'failed', /^invalid_destination: .*33: Why/);
    });
});

test('V01 by each of the ways Vonage hashes; the Messages API of Vonage is a row beside', { skip }, async () => {
    for (const hash of ['sha512hmac', 'md5hash']) {
        const { gw, provider } = await start('vonage', '', { hash });
        const who = somebody();
        assert.equal((await provider.say(gw, who, 'hashed')).status, 200, hash);
        assert.equal((await provider.say(gw, who, 'x', {}, { token: 'other' })).status, 403);
        await provider.hears(who, 'hashed');
        await gw.close();
        await provider.stop();
    }
    const { gw, provider } = await start('vonage_messages');
    const who = somebody();
    const raw = JSON.stringify({ message_uuid: 'u-1', from: who.slice(1), to: OURS.slice(1), channel: 'sms',
                                 message_type: 'text', text: 'to the other API' });
    assert.equal((await provider.hook(gw, {}, { as: 'json', raw, headers: provider.jwt(raw) })).status, 200);
    const { fields, path, id } = await provider.hears(who, 'to the other API');
    assert.equal(path, '/v1/messages');
    assert.deepEqual([fields.channel, fields.message_type, `+${fields.to}`], ['sms', 'text', who]);
    const status = JSON.stringify({ message_uuid: id, status: 'rejected', error: { title: '1120' }, channel: 'sms' });
    await provider.hook(gw, {}, { as: 'json', raw: status, headers: provider.jwt(status) });
    await becomes(gw, who, 'failed', /rejected err:1120/);
    await reached({ 1180: false, 1190: true, 1240: false, 1260: true, 1280: true }, gw, provider, async (id, code) => {
        const lost = JSON.stringify({ message_uuid: id, status: 'undeliverable', error: { title: code }, channel: 'sms' });
        await provider.hook(gw, {}, { as: 'json', raw: lost, headers: provider.jwt(lost) });
    });
    await gw.close();
    await provider.stop();
});
