/**
 * webhook.mjs - the two sample confs against a real tandemd and a provider of our own: messages in,
 * answers out, receipts; the same a thousand times; forged, changed, old and replayed requests.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Gateway, srcdir, until } from '../lib/gateway.mjs';

const SECRETS = {
    'whatsapp.secret': 'app-new\napp-old\n', 'whatsapp.verify': 'verify-me', 'whatsapp.token': 'EAAG',
    'telegram.secret': 'tg-secret', 'telegram.token': '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw',
};
const STANDARD = `
[channel plain]
type = webhook
agent = front
secret = @file:plain.secret
message_list = /messages/*
url = \${PROVIDER}/plain
auth = standard
auth_secret = @file:plain.secret
idempotency_header = Idempotency-Key

[agent front]
type = echo
prefix = re:
`;
const RING = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'the-old-one'];

let gw, provider;

/** A provider: keeps what is posted; answers as `script` says, one entry a post, else 200. */
async function startProvider() {
    const posts = [], script = [];
    const server = createServer((req, res) => {
        const chunks = [];
        req.on('data', chunk => chunks.push(chunk));
        req.on('end', () => {
            const raw = Buffer.concat(chunks).toString(), n = posts.length + 1;
            const step = script.shift() ?? {};
            posts.push({ url: req.url, headers: req.headers, raw, body: JSON.parse(raw) });
            if (step.cut) return void req.socket.destroy();
            step.before?.(n);
            res.writeHead(step.status ?? 200, step.headers ?? {});
            res.end(JSON.stringify(step.status ? {} : req.url.startsWith('/bot')
                ? { ok: true, result: { message_id: n } }
                : { id: `p${n}`, messages: [{ id: `wamid.${n}` }] }));
        });
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    return { posts, script, server, url: `http://127.0.0.1:${server.address().port}`,
             of: peer => posts.filter(p => p.raw.includes(`"${peer}"`)) };
}

before(async () => {
    provider = await startProvider();
    const samples = ['whatsapp', 'telegram']
        .map(name => readFileSync(join(srcdir, `conf/samples/${name}.conf`), 'utf8'));
    gw = new Gateway({ conf: samples.join('\n') + STANDARD,
                       tandem: { admin_token: 'operator' } });
    for (const [name, text] of Object.entries({ ...SECRETS, 'plain.secret': RING.join('\n') }))
        writeFileSync(join(gw.dir, name), text, { mode: 0o600 });
    gw.options.env = { TANDEM_SECRETS: gw.dir, WHATSAPP_API: provider.url,
                       TELEGRAM_API: provider.url, PROVIDER: provider.url };
    await gw.start();
});

after(async () => {
    await gw?.close();
    provider.server.closeAllConnections();
    provider.server.close();
});

const post = (channel, headers, body) =>
    fetch(`${gw.url}/hooks/${channel}`, { method: 'POST', headers, body });

const hub = (body, key = 'app-new') =>
    ({ 'X-Hub-Signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}` });
const meta = (value, key) => {
    const body = JSON.stringify({ entry: [{ changes: [{ value }] }] });
    return post('whatsapp', hub(body, key), body);
};
const text = (from, id, body) => ({
    metadata: { phone_number_id: '10654' }, contacts: [{ profile: { name: 'Dana' } }],
    messages: [{ from, id, timestamp: String(Math.floor(Date.now() / 1000)), text: { body } }],
});

function standard(body, { id = 'msg_1', key = RING[0], off = 0, at } = {}) {
    const stamp = String(at ?? Math.floor(Date.now() / 1000) + off);
    const bytes = key.startsWith('whsec_') ? Buffer.from(key.slice(6), 'base64') : key;
    const hash = createHmac('sha256', bytes).update(`${id}.${stamp}.${body}`).digest('base64');
    return { 'webhook-id': id, 'webhook-timestamp': stamp,
             'webhook-signature': `v1,AAAA v1,${hash}` };
}

async function metric(name, labels) {
    const page = await (await fetch(`${gw.url}/metrics`)).text();
    return page.split('\n').filter(l => l.startsWith(`${name}{`) && l.includes(labels))
        .reduce((sum, l) => sum + Number(l.split(' ').at(-1)), 0);
}

const api = async path => (await fetch(`${gw.url}/api/v1/${path}`,
    { headers: { Authorization: 'Bearer operator' } })).text();

test('whatsapp: the address is verified, a message is answered, its receipt arrives', async () => {
    const hello = new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.challenge': '1158201444',
                                        'hub.verify_token': 'verify-me' });
    assert.equal(await (await fetch(`${gw.url}/hooks/whatsapp?${hello}`)).text(), '1158201444');
    hello.set('hub.verify_token', 'verify-mf');
    assert.equal((await fetch(`${gw.url}/hooks/whatsapp?${hello}`)).status, 401);

    // The receipt comes before the answer that says whose it is.
    provider.script.push({
        before: n => { meta({ statuses: [{ id: `wamid.${n}`, status: 'delivered' }] }); } });
    const res = await meta(text('4511111111', 'wamid.in1', 'hi "there"\n'));
    assert.equal(res.status, 200);
    assert.deepEqual(await res.json(), { accepted: 1, duplicates: 0, unknown: 0, refused: 0 });
    const [sent] = await until(() => provider.of('4511111111').length && provider.of('4511111111'));
    assert.equal(sent.url, '/10654/messages');
    assert.equal(sent.headers.authorization, 'Bearer EAAG');
    assert.deepEqual(sent.body, { messaging_product: 'whatsapp', to: '4511111111', type: 'text',
                                  text: { body: 're:hi "there"\n' } });
    await until(async () => await metric('tandem_plugin_receipts_total', 'whatsapp') > 0 &&
        await metric('tandem_deliveries_total', 'whatsapp') > 0, 'the receipt');
    await meta({ statuses: [{ id: `wamid.${provider.posts.length}`, status: 'read' }] });
    await meta({ statuses: [{ id: `wamid.${provider.posts.length}`, status: 'sent' }] });
    // Sent, delivered, read: forward only, and each once.
    const [{ id }] = JSON.parse(await api('sessions')).sessions;
    const marks = async () => (await api(`sessions/${id}/journal`)).trim().split('\n')
        .map(line => JSON.parse(line)).filter(r => r.type === 'delivery');
    await meta(text('4511111111', 'wamid.in2', 'marks ride along'));
    await until(async () => (await marks()).length >= 4, 'the marks');
    const of = (await marks())[0].of;
    assert.deepEqual((await marks()).filter(m => m.of === of).map(m => m.status), [1, 3, 4]);
});

test('whatsapp: a receipt that comes after kill -9 finds its message', async () => {
    const ids = async () => JSON.parse(await api('sessions')).sessions.map(s => s.id);
    const before = await ids();
    await meta(text('4555555551', 'wamid.k1', 'before the crash'));
    await until(() => provider.of('4555555551').length > 0, 'the answer');
    const wamid = `wamid.${provider.posts.indexOf(provider.of('4555555551')[0]) + 1}`;
    const id = (await ids()).find(one => !before.includes(one));
    const marks = async () => (await api(`sessions/${id}/journal`)).trim().split('\n')
        .map(line => JSON.parse(line)).filter(r => r.type === 'delivery').map(r => r.status);
    await until(async () => (await marks()).length > 0, 'the mark that it was sent', 10000);
    await gw.kill();
    await gw.start();
    assert.equal((await meta({ statuses: [{ id: wamid, status: 'read' }] })).status, 200);
    await until(async () => (await marks()).length > 1, 'the mark that it was read', 10000);
    assert.deepEqual(await marks(), [1, 4]);
});

test('whatsapp: the same message a thousand times is one message and one turn', async () => {
    const value = text('4522222222', 'wamid.same', 'once');
    const statuses = [];
    for (let i = 0; i < 10; i++)
        statuses.push(...await Promise.all(
            Array.from({ length: 100 }, async () => (await meta(value)).status)));
    assert.deepEqual(statuses, Array(1000).fill(200));
    await until(() => provider.of('4522222222').length > 0);
    assert.equal((await meta(text('4522222222', 'wamid.next', 'next'))).status, 200);
    await until(() => provider.of('4522222222').length > 1);
    assert.deepEqual(provider.of('4522222222').map(p => p.body.text.body), ['re:once', 're:next']);
});

test('whatsapp: a batch is taken as a whole, over a crash too', async () => {
    const value = text('4533333333', 'wamid.b1', 'one');
    value.messages.push({ ...value.messages[0], from: '4544444444', id: 'wamid.b2' });
    assert.equal((await meta(value)).status, 200);
    await gw.kill();
    await gw.start();
    assert.deepEqual(await (await meta(value)).json(),
                     { accepted: 2, duplicates: 2, unknown: 0, refused: 0 });
    await until(() => provider.of('4533333333').length && provider.of('4544444444').length);
});

test('row 35: whatsapp: what is forged gets 401 and does nothing', async () => {
    const before = await metric('tandem_messages_total', 'direction="in"');
    const value = text('4555555555', 'wamid.f', 'forged');
    const body = JSON.stringify({ entry: [{ changes: [{ value }] }] });
    const changed = Buffer.from(body);
    changed[body.indexOf('forged')] ^= 1;
    const tries = [
        [{}, body], [hub(body, 'wrong'), body], [hub(body), changed], [hub(body), ''],
        [{ 'X-Hub-Signature-256': 'sha256=' }, body], [{ 'X-Hub-Signature': 'sha1=00' }, body],
        [{ 'X-Hub-Signature-256': 'sha256=' + '0'.repeat(6000) }, body],
    ];
    for (const [headers, sent] of tries)
        assert.equal((await post('whatsapp', headers, sent)).status, 401);
    const huge = await post('whatsapp', { ...hub(body), 'X-Huge': 'x'.repeat(100000) }, body)
        .then(res => res.status, () => 431);
    assert.ok(huge === 431 || huge === 400, `a huge header got ${huge}`);
    assert.equal(await metric('tandem_messages_total', 'direction="in"'), before);
    assert.equal(provider.of('4555555555').length, 0);
    // Both keys of the rotation are good.
    assert.equal((await meta(text('4555555556', 'wamid.r1', 'a'), 'app-old')).status, 200);
    assert.equal((await meta(text('4555555556', 'wamid.r2', 'b'), 'app-new')).status, 200);
    // What cannot be read or is not known is not the provider's to repeat.
    assert.equal((await post('whatsapp', hub('{"a"'), '{"a"')).status, 400);
    assert.equal((await post('whatsapp', hub('{"a":1}'), '{"a":1}')).status, 200);
});

test('telegram: a message and a pressed button are answered', async () => {
    const headers = { 'X-Telegram-Bot-Api-Secret-Token': SECRETS['telegram.secret'] };
    const from = { first_name: 'Dana' }, chat = { id: -1001234567890 };
    const message = { message_id: 5, date: 1795415816, chat, from, text: 'hello' };
    const send = update => post('telegram', headers, JSON.stringify(update));
    const mine = () => provider.posts.filter(p => p.url.startsWith('/bot'));

    assert.equal((await post('telegram', {}, '{}')).status, 401);
    assert.equal((await post('telegram', { ...headers, 'X-Telegram-Bot-Api-Secret-Token': 'tg' },
                             '{}')).status, 401);
    assert.equal((await send({ update_id: 1, message })).status, 200);
    assert.equal((await send({ update_id: 1, message })).status, 200);
    await until(() => mine().length === 1);
    assert.equal(mine()[0].url, `/bot${SECRETS['telegram.token']}/sendMessage`);
    assert.deepEqual(mine()[0].body, { chat_id: '-1001234567890', text: 're:hello' });
    assert.equal((await send({ update_id: 2, callback_query:
        { id: '9', from, message: { message_id: 6, chat }, data: 'yes' } })).status, 200);
    await until(() => mine().length === 2);
    assert.equal((await send({ update_id: 3, poll: {} })).status, 200);
    assert.equal(await metric('tandem_plugin_unknown_total', 'telegram'), 1);
});

test('row 35: standard webhooks: a window of five minutes, a replay without effect, two keys', async () => {
    const body = (id, from = '777') =>
        JSON.stringify({ messages: [{ id, from, text: `text of ${id}` }] });
    const status = async (sent, options) =>
        (await post('plain', standard(sent, options), sent)).status;

    assert.equal(await status(body('s1'), { off: -360 }), 401);
    assert.equal(await status(body('s1'), { off: 360 }), 401);
    assert.equal(await status(body('s1'), { key: 'the-newest-one' }), 401);
    const { 'webhook-signature': signature, ...rest } = standard(body('s1'));
    assert.equal((await post('plain', rest, body('s1'))).status, 401);
    assert.equal((await post('plain', { ...rest, 'webhook-id': 'msg_2',
        'webhook-signature': signature }, body('s1'))).status, 401);
    assert.equal(await metric('tandem_plugin_forged_total', 'plain'), 5);

    const at = Math.floor(Date.now() / 1000);
    for (let i = 0; i < 3; i++) // the very same request
        assert.equal(await status(body('s1'), { at }), 200);
    assert.equal(await status(body('s2'), { id: 'msg_2', key: RING[1] }), 200);
    await until(() => provider.of('777').length === 2);
    for (const post of provider.of('777')) {
        const id = post.headers['webhook-id'], stamp = post.headers['webhook-timestamp'];
        assert.equal(post.headers['idempotency-key'], id);
        assert.equal(post.headers['webhook-signature'].split(',')[1],
                     standard(post.raw, { id, at: stamp })['webhook-signature'].split(',').at(-1));
    }
});

test('standard webhooks: a post that fails is made again, with the same key', async () => {
    const body = JSON.stringify({ messages: [{ id: 'r1', from: '888', text: 'again' }] });

    provider.script.push({ status: 503, headers: { 'Retry-After': '1' } }, { cut: true });
    assert.equal((await post('plain', standard(body), body)).status, 200);
    await until(() => provider.of('888').length === 3, 'the third try', 10000);
    assert.equal(new Set(provider.of('888').map(p => p.headers['idempotency-key'])).size, 1);
});

test('a reload with another conf of the channel takes effect', async () => {
    const body = JSON.stringify({ messages: [{ id: 'l1', from: '999', text: 'late' }] });
    const late = async () => (await post('plain', standard(body, { off: -360 }), body)).status;

    assert.equal(await late(), 401);
    gw.writeConf(gw.options.conf.replace('[channel plain]', '[channel plain]\ntolerance = 1h'));
    gw.signal('SIGHUP');
    await until(async () => await late() === 200, 'the wider window');
    await until(() => provider.of('999').length === 1);
});

test('no secret stands in the log', () => {
    for (const secret of [...RING, ...Object.values(SECRETS).flatMap(s => s.trim().split('\n'))])
        assert.ok(secret.length < 5 || !gw.log.includes(secret), 'a secret was logged');
});
