/**
 * webhook_files.mjs - files through the two sample confs and a plain one: fetched from where the
 * conf says and nowhere else, delivered with their message or with a word; out as links.
 */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Gateway, srcdir, until } from '../lib/gateway.mjs';

const SECRETS = {
    'whatsapp.secret': 'app', 'whatsapp.verify': 'verify-me', 'whatsapp.token': 'EAAG',
    'telegram.secret': 'tg-secret', 'telegram.token': '110:AAHd', 'plain.secret': 'plain',
};
const JPEG = Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.alloc(3000, 5)]);
const sha256 = data => createHash('sha256').update(data).digest('hex');

let gw, agent, provider, base;
const posts = [], gets = [];
const paths = {}; // what a GET finds: [status, body]

before(async () => {
    provider = createServer((req, res) => {
        const chunks = [];
        req.on('data', chunk => chunks.push(chunk)).on('end', () => {
            if (req.method === 'POST') {
                posts.push(JSON.parse(Buffer.concat(chunks)));
                return void res.end('{"ok":true,"result":{"message_id":1},"messages":[{"id":"w"}]}');
            }
            gets.push({ url: req.url, authorization: req.headers.authorization });
            const [status, body] = paths[req.url] ?? [404, 'nothing'];
            res.writeHead(status).end(body);
        });
    });
    await new Promise(done => provider.listen(0, '127.0.0.1', done));
    const host = `127.0.0.1:${provider.address().port}`;
    base = `http://${host}`;
    agent = await Agent.start();
    const samples = ['whatsapp', 'telegram']
        .map(name => readFileSync(join(srcdir, `conf/samples/${name}.conf`), 'utf8'));
    gw = new Gateway({ conf: `${samples.join('\n')}
[agent front]
type = http
url = ${agent.url('front')}

[channel plain]
type = webhook
agent = front
secret = @file:plain.secret
verify = bearer
url = ${base}/plain
in_file = /file
file_hosts = ${host}
max_file = 4K
`, tandem: { file_count: 12 } });
    for (const [name, text] of Object.entries(SECRETS))
        writeFileSync(join(gw.dir, name), text, { mode: 0o600 });
    gw.options.env = { TANDEM_SECRETS: gw.dir, WHATSAPP_API: base, TELEGRAM_API: base,
                       WHATSAPP_FILES: host };
    await gw.start();
});

after(async () => {
    await gw?.close();
    await agent?.stop();
    provider.closeAllConnections();
    provider.close();
});

async function whatsapp(message) {
    const body = JSON.stringify({ entry: [{ changes: [{ value: {
        metadata: { phone_number_id: '10654' }, contacts: [{ profile: { name: 'Dana' } }],
        messages: [{ from: '451', timestamp: '1795515104', ...message }] } }] }] });
    const hash = createHmac('sha256', SECRETS['whatsapp.secret']).update(body).digest('hex');
    return fetch(`${gw.url}/hooks/whatsapp`, { method: 'POST', body,
                                              headers: { 'X-Hub-Signature-256': `sha256=${hash}` } });
}

const telegram = (id, message) => fetch(`${gw.url}/hooks/telegram`, {
    method: 'POST', headers: { 'X-Telegram-Bot-Api-Secret-Token': 'tg-secret' },
    body: JSON.stringify({ update_id: id, message: { chat: { id: 7 }, date: 1795515104, ...message } }),
});

const plain = (id, more) => fetch(`${gw.url}/hooks/plain`, {
    method: 'POST', headers: { authorization: 'Bearer plain' },
    body: JSON.stringify({ id, from: 'p1', ...more }),
});

/** The message with this text, or for which the function holds, as the agent got it. */
const asked = fits => until(async () => (await agent.seen('front'))
    .flatMap(s => s.body.messages).find(fits), 'the question');

test('whatsapp: a picture is looked up, fetched with the token, and reaches the agent', async () => {
    paths['/MEDIA1'] = [200, JSON.stringify({ url: `${base}/cdn/?mid=1`, mime_type: 'image/jpeg' })];
    paths['/cdn/?mid=1'] = [200, JPEG];
    const res = await whatsapp({ id: 'w1', type: 'image', image: { id: 'MEDIA1', caption: 'look' } });
    assert.deepEqual(await res.json(), { accepted: 1, duplicates: 0, unknown: 0, refused: 0 });
    const { attachments: [file] } = await asked(m => m.text === 'look');
    assert.deepEqual([file.type, file.sha256, file.name], ['image/jpeg', sha256(JPEG), 'file.jpg']);
    assert.equal((await fetch(file.url)).status, 200);
    assert.deepEqual(gets.map(g => [g.url, g.authorization]),
                     [['/MEDIA1', 'Bearer EAAG'], ['/cdn/?mid=1', 'Bearer EAAG']]);
});

test('telegram: a document is found by two steps, and only by paths that do not climb', async () => {
    const at = id => `/bot110:AAHd/getFile?file_id=${id}`;
    paths[at('D1')] = [200, '{"ok":true,"result":{"file_path":"documents/file 1.pdf"}}'];
    paths['/file/bot110:AAHd/documents/file%201.pdf'] = [200, '%PDF-1.4 hello'];
    await telegram(1, { document: { file_id: 'D1', file_name: 'Invoice 7.pdf' } });
    const { text, attachments: [file] } = await asked(m => m.attachments[0]?.name === 'Invoice 7.pdf');
    assert.deepEqual([text, file.type], ['', 'application/pdf']);
    paths[at('D2')] = [200, '{"ok":true,"result":{"file_path":"../../etc/passwd"}}'];
    await telegram(2, { document: { file_id: 'D2' }, caption: 'and this' });
    const climbed = await asked(m => m.text.startsWith('and this'));
    assert.match(climbed.text, /^and this\n\[a file was not taken: its address is not good\]$/);
    assert.ok(!gets.some(g => g.url.includes('passwd')));
});

test('a file that will never come costs no message, and no other host is asked', async () => {
    const say = async (id, file, sentence) => {
        assert.equal((await plain(id, { text: id, file })).status, 200);
        const { text, attachments } = await asked(m => m.text.startsWith(id));
        assert.deepEqual(attachments, []);
        assert.match(text, sentence);
    };
    await say('a1', `${base}/gone.jpg`, /HTTP 404/);
    paths['/big.jpg'] = [200, Buffer.concat([JPEG, JPEG])];
    await say('a2', `${base}/big.jpg`, /larger than 4096 bytes/);
    paths['/evil.exe'] = [200, 'MZ\0\0'];
    await say('a3', `${base}/evil.exe`, /application\/x-executable/);
    for (const [i, url] of ['http://127.0.0.1:1/x', 'http://169.254.169.254/', 'file:///etc/passwd',
        `http://${new URL(base).host}@10.0.0.1/`, 'http://[::1]/', 'x'.repeat(2000)].entries())
        await say(`b${i}.`, url, /file_hosts|too long/);
});

test('one that may come later makes the provider ask again, once it is there it counts once', async () => {
    paths['/slow.jpg'] = [503, 'later'];
    const first = await plain('c1', { text: 'c1', file: `${base}/slow.jpg` });
    assert.equal(first.status, 503);
    assert.ok(first.headers.get('retry-after'));
    paths['/slow.jpg'] = [200, JPEG];
    assert.equal((await plain('c1', { text: 'c1', file: `${base}/slow.jpg` })).status, 200);
    const again = await plain('c1', { text: 'c1', file: `${base}/slow.jpg` });
    assert.deepEqual(await again.json(), { accepted: 1, duplicates: 1, unknown: 0, refused: 0 });
    assert.equal((await asked(m => m.text === 'c1')).attachments[0].name, 'slow.jpg');
});

test('a quota holds for each customer of a channel, and not for the channel', async () => {
    const send = (from, i) => plain(`${from}.${i}`, { from, text: `${from}.${i}`,
                                                      file: `${base}/q.jpg` });
    paths['/q.jpg'] = [200, JPEG];
    for (let i = 0; i < 12; i++) assert.equal((await send('many', i)).status, 200);
    const over = await send('many', 12);
    assert.equal(over.status, 503);
    assert.ok(Number(over.headers.get('retry-after')) > 60);
    assert.equal((await send('few', 0)).status, 200);
});

test('a file of the agent leaves as a link under the text', async () => {
    await agent.script('front', [`body:${JSON.stringify({ messages: [{ text: 'Your bill:',
        attachments: [{ name: 'bill.pdf', data: Buffer.from('%PDF-1.7 x').toString('base64') }] }] })}`]);
    await plain('d1', { text: 'the bill' });
    const { text } = await until(() => posts.find(p => String(p.text).startsWith('Your bill:')), 'the post');
    const [, url] = /^Your bill:\nbill\.pdf \(10 bytes\): (http\S+)$/.exec(text);
    assert.equal(await (await fetch(url)).text(), '%PDF-1.7 x');
});
