/**
 * rows.mjs - rows of the test program (reliability.md, A3) against a whole daemon, by their numbers.
 *
 * Others stand where their subject is: row 20 in bad_plugins.mjs, row 35 in channels/webhook.mjs;
 * every single way to break a frame in channels/webchat_wire.mjs.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';

import { Chat } from '../lib/chat.mjs';
import { Gateway, builddir, sanitized, sleep, until } from '../lib/gateway.mjs';
import { Raw, frame, handshake, text } from '../lib/raw.mjs';

const WEB = '[channel web]\ntype = webchat\nagent = e\n';
const ECHO = '[agent e]\ntype = echo\n';
const started = [];
after(() => Promise.all(started.map(gw => gw.close())));

async function gateway(options) {
    const gw = await Gateway.start(options);
    started.push(gw);
    return gw;
}

/** Says it and gives the answer's text. */
async function asks(gw, words, channel = 'web') {
    const chat = await Chat.open(gw, channel);
    await chat.say(words);
    const answer = (await chat.message(15000)).text;
    chat.destroy();
    return answer;
}

/** Seconds of processor time that it has used. */
function cpu(gw) {
    const fields = readFileSync(`/proc/${gw.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rss(gw) {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${gw.pid}/status`, 'utf8'))[1]) / 1024;
}

test('row 30: descriptors run out: it waits without spinning, and recovers', async () => {
    const gw = await gateway({ conf: WEB + ECHO, wrap: ['prlimit', '--nofile=64'] });
    const crowd = await Promise.all(Array.from({ length: 200 }, () => Raw.connect(gw)));
    await sleep(500);
    const from = cpu(gw);
    await sleep(2000);
    const used = cpu(gw) - from;
    assert.ok(used < 0.4, `${used} s of processor time in 2 s`);
    for (const raw of crowd) raw.socket.destroy();
    await until(async () => asks(gw, 'still there?').catch(() => null), 'an answer', 15000);
});

test('row 31: slow headers are closed by the total deadline, and a legal client is served', async () => {
    const gw = await gateway({ conf: WEB + ECHO, tandem: { header_timeout: '2s' } });
    const drips = await Promise.all(Array.from({ length: 100 }, () => Raw.connect(gw)));
    for (const raw of drips) raw.send('GET /chat/web HTTP/1.1\r\n');
    const timer = setInterval(() => { for (const raw of drips) raw.send('X'); }, 300);
    assert.match(await asks(gw, 'hello'), /hello/);
    await until(() => drips.every(raw => raw.ended), 'the end of all', 15000);
    clearInterval(timer);
    assert.match(await asks(gw, 'hello again'), /hello again/);
});

test('row 32: bombs of frames close their own connection, and memory stays flat', async () => {
    const gw = await gateway({ conf: WEB + 'rate = 0\n' + ECHO });
    const open = () => Raw.open(gw, '/chat/web', { hello: {} });
    const plain = await Raw.ask(gw, handshake('/chat/web',
        { 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
    assert.equal(plain.status, 101);
    assert.equal(plain.headers['sec-websocket-extensions'], undefined);
    await asks(gw, 'warm');
    const before = rss(gw);
    const bombs = [
        [[1002, 1006, 1009], frame({ wide: true, length: 1n << 63n })],
        [[1009, 1006], frame({ wide: true, length: 1n << 30n, payload: 'x' })],
        [[1002], frame({ payload: '{}', masked: false })],
        [[1002], frame({ payload: '{}', rsv: 4 })],
        [[1002], frame({ opcode: 9, payload: 'x'.repeat(126) })],
        [[1007], frame({ payload: Buffer.from([0xc0, 0x80]) })],
    ];
    for (const [codes, bytes] of bombs) {
        const raw = await open();
        raw.send(bytes);
        const code = await raw.closed();
        assert.ok(codes.includes(code), `closed with ${code}, not ${codes}`);
    }
    const parts = await open(); // a message of parts of one byte
    parts.send(Buffer.concat(Array.from({ length: 70000 }, (_, i) =>
        frame({ opcode: i === 0 ? 1 : 0, fin: false, payload: 'x' }))));
    assert.equal(await parts.closed(), 1009);
    const pings = await open();
    for (let i = 0; i < 20; i++)
        pings.send(Buffer.concat(Array.from({ length: 5000 }, () => frame({ opcode: 9 }))));
    await sleep(500);
    assert.match(await asks(gw, 'and the others?'), /and the others/);
    pings.socket.destroy();
    if (!sanitized) assert.ok(rss(gw) - before < 32, `${rss(gw) - before} MiB more`);
});

test('row 33: a foreign page, a missing origin, and tokens that are not good open nothing', async () => {
    const gw = await gateway({
        conf: `${WEB}origins = https://shop.example\n[channel other]\ntype = webchat\nagent = e\n` +
            `[channel old]\ntype = webchat\nagent = e\ntoken_ttl = 1s\n${ECHO}`,
    });
    const knock = headers => Raw.ask(gw, handshake('/chat/web', headers));
    assert.equal((await knock({ Origin: 'https://shop.example' })).status, 101);
    assert.equal((await knock({ Origin: 'https://evil.example' })).status, 403);
    assert.equal((await knock({ Origin: 'https://shop.example.evil.example' })).status, 403);
    assert.equal((await knock({})).status, 403);

    const first = await Raw.open(gw, '/chat/other', { hello: {} });
    const token = first.welcome.resume;
    const resumed = async (path, resume) => {
        const raw = await Raw.open(gw, path, {});
        raw.send(text({ type: 'hello', resume }));
        const said = await raw.closed().catch(() => 'open');
        raw.socket.destroy();
        return said;
    };
    assert.equal(await resumed('/chat/other', `${token.slice(0, -2)}AA`), 4401);
    assert.equal(await resumed('/chat/old', token), 4401, 'a token of another channel');
    const old = (await Raw.open(gw, '/chat/old', { hello: {} })).welcome.resume;
    await sleep(2500);
    assert.equal(await resumed('/chat/old', old), 4401, 'a token that is too old');
    assert.ok(!gw.log.includes(token), 'a token stands in the log');
});

test('row 34: a flood is cut at its source, and a bystander is answered', async () => {
    const gw = await gateway({
        conf: `${WEB}rate = 20/10s\nmax_connections_per_ip = 50\nnew_sessions = 30/min\n` +
            `[channel quiet]\ntype = webchat\nagent = e\n${ECHO}`,
        tandem: { trusted_proxies: '127.0.0.1' }, // so that clients have addresses
    });
    const flood = await Raw.open(gw, '/chat/web', { hello: {} });
    flood.send(Buffer.concat(Array.from({ length: 3000 }, (_, i) =>
        text({ type: 'message', id: String(i), text: 'flood' }))));
    assert.match(await asks(gw, 'a bystander', 'quiet'), /a bystander/);
    assert.equal(await flood.closed(), 4429);

    const crowd = await Promise.all(Array.from({ length: 80 }, () => Raw.connect(gw)));
    for (const raw of crowd) raw.send(handshake('/chat/web', { 'X-Forwarded-For': '203.0.113.7' }));
    const heads = await Promise.all(crowd.map(raw => raw.head(15000)));
    const refused = heads.filter(head => head?.status === 429).length;
    assert.ok(refused >= 30, `${refused} of 80 refused`);
    for (const raw of crowd) raw.send(text({ type: 'hello' }));
    const first = await Promise.all(crowd.filter((_, i) => heads[i]?.status === 101)
        .map(raw => raw.json().catch(() => null)));
    const welcome = first.filter(f => f?.type === 'welcome').length;
    assert.ok(welcome > 0 && welcome <= 30, `${welcome} sessions`);
    for (const raw of crowd) raw.socket.destroy();
    assert.match(await asks(gw, 'again', 'quiet'), /again/);
});

test('row 39: a URL from outside reaches no address that is not public', async () => {
    const hits = [];
    const inside = createPlain((req, res) => {
        hits.push(req.url);
        res.writeHead(302, { location: `http://127.0.0.1:${inside.address().port}/redirected` });
        res.end(JSON.stringify({ url: 'secret' }));
    });
    await new Promise(done => inside.listen(0, done)); // on every address of this machine
    const { port } = inside.address(), named = `127.0.0.1:${port}`;
    const gw = await gateway({
        conf: `[channel hook]\ntype = webhook\nagent = e\nverify = bearer\nsecret = in\n` +
            `url = http://${named}/out\nauth = bearer\nauth_secret = out\nin_file = /file\n` +
            `file_hosts = ${named}, *\n${ECHO}`,
    });
    const say = async (id, file) => {
        const res = await fetch(`${gw.url}/hooks/hook`, {
            method: 'POST', headers: { authorization: 'Bearer in' },
            body: JSON.stringify({ id, from: 'p', text: id, file }),
        });
        assert.deepEqual([res.status, await res.json()],
                         [200, { accepted: 1, duplicates: 0, unknown: 0, refused: 0 }], file);
    };
    const fetched = () => hits.filter(url => url !== '/out');
    const urls = ['127.1', '127.0.0.2', '2130706433', '0x7f.1', '0x7f000001', '0177.0.0.1',
        '0', '0.0.0.0', 'localhost', 'LOCALHOST', '[::1]', '[::]', '[::ffff:127.0.0.1]',
        '[::ffff:7f00:1]', '[::ffff:10.0.0.1]', '[64:ff9b::127.0.0.1]', '10.0.0.1', '192.168.0.1',
        '172.16.0.1', '100.64.0.1', '169.254.169.254', '[fe80::1]', '[fd00::1]', '[ff02::1]']
        .map(host => `http://${host}:${port}/x`);
    urls.push(`https://localhost:${port}/x`, `http://${named}@localhost:${port}/x`,
              'file:///etc/passwd', `gopher://${named}/x`, `unix:${gw.dir}/control`,
              `http://u\\@127.0.0.2:${port}/`);
    await Promise.all(urls.map((url, i) => say(`n${i}`, url)));
    assert.deepEqual(fetched(), []);
    const refused = /a file was not taken: (its address is not good|its host is not)/g;
    await until(() => gw.log.match(refused)?.length === urls.length, 'a line for each', 15000);

    await say('named', `http://${named}/named`); // the conf's own choice; nothing follows its redirect
    assert.deepEqual(fetched(), ['/named']);
    inside.closeAllConnections();
    inside.close();
});

/** Where a word must not stand: [place, text] pairs. */
async function places(gw, headers = {}) {
    const found = [['the log', gw.log], ['its command line',
                                        readFileSync(`/proc/${gw.pid}/cmdline`, 'utf8')]];
    for (const path of ['/metrics', '/healthz', '/readyz', '/nosuch', '/api/v1/nosuch',
                        '/api/v1/status', '/api/v1/channels', '/api/v1/agents', '/api/v1/plugins'])
        found.push([path, await (await fetch(gw.url + path, { headers })).text()]);
    for (const args of [['status'], ['channels'], ['sessions'], ['doctor'], ['nosuch']]) {
        const end = spawnSync(join(builddir, 'tandemctl'), ['-c', gw.confPath, ...args],
                              { encoding: 'utf8' });
        found.push([`tandemctl ${args}`, end.stdout + end.stderr]);
    }
    const printed = spawnSync(gw.binary, ['-T', '-c', gw.confPath], { encoding: 'utf8' });
    found.push(['-T', printed.stdout + printed.stderr]);
    return found;
}

test('row 42: secrets stand in no log, answer, command line, print or store', async () => {
    const canaries = ['canary-admin-51c7', 'canary-customer-88f2', 'canary-hook-0a3e'];
    const gw = await gateway({
        conf: `${WEB}customer_secret = ${canaries[1]}\n[channel hook]\ntype = webhook\nagent = e\n` +
            `url = http://127.0.0.1:9/out\nverify = bearer\nsecret = ${canaries[2]}\n${ECHO}`,
        tandem: { admin_token: canaries[0], log_level: 'trace' },
    });
    await asks(gw, 'hello');
    await fetch(`${gw.url}/webhook/hook`, { method: 'POST', body: '{"a":1}',
                                          headers: { authorization: `Bearer ${canaries[2]}` } });
    const all = await places(gw, { authorization: `Bearer ${canaries[0]}` });
    for (const name of readdirSync(gw.dir)) {
        if (/\.db/.test(name)) all.push([name, readFileSync(join(gw.dir, name), 'latin1')]);
    }
    for (const [place, content] of all)
        for (const canary of canaries)
            assert.ok(!content.includes(canary), `${canary} stands in ${place}`);
});

test('row 43: what a customer says and is called stands in no log but at trace', async () => {
    const canaries = ['+49 151 23456789', 'ada.canary@example.org', '4111 1111 1111 1111',
                      'my cat is called Canary'];
    const gw = await gateway({ conf: WEB + ECHO, tandem: { log_level: 'debug' } });
    for (const canary of canaries) await asks(gw, `please note: ${canary}`);
    const raw = await Raw.open(gw, '/chat/web', {});
    raw.send(text({ type: 'hello', customer: { id: canaries[0], email: canaries[1] } }));
    await raw.frame();
    raw.send(text({ type: 'message', id: '1', text: 5, note: canaries[3] }));
    raw.send(frame({ payload: `{"broken ${canaries[2]}` }));
    await sleep(300);
    raw.socket.destroy();
    for (const [place, content] of await places(gw))
        for (const canary of canaries)
            assert.ok(!content.includes(canary), `'${canary}' stands in ${place}`);
});

/* ---- TLS ---------------------------------------------------------------------------------- */

function certificate(dir, name) {
    return spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout',
        join(dir, `${name}.key`), '-out', join(dir, `${name}.pem`)], { encoding: 'utf8' });
}

/** What a TLS client of these options gets: its protocol, or its error. */
function tls(gw, options) {
    return new Promise(done => {
        const socket = tlsConnect({ port: gw.port, host: '127.0.0.1', rejectUnauthorized: false,
                                    ...options }, () => {
            done(socket.getProtocol());
            socket.destroy();
        });
        socket.on('error', error => done(error.code));
    });
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test('row 46: old TLS and weak ciphers are refused, half handshakes end, peers are verified',
     { skip: hasOpenssl ? false : 'openssl is not installed' }, async () => {
    const gw = await gateway({ conf: WEB + ECHO });
    assert.equal(certificate(gw.dir, 'ours').status, 0);
    assert.equal(certificate(gw.dir, 'theirs').status, 0);
    let asked = 0;
    const peer = createServer({ key: readFileSync(join(gw.dir, 'theirs.key')),
                                cert: readFileSync(join(gw.dir, 'theirs.pem')) },
                              (req, res) => { asked++; res.end('{}'); });
    await new Promise(done => peer.listen(0, '127.0.0.1', done));
    await gw.stop();
    gw.options.tandem = { tls_cert: join(gw.dir, 'ours.pem'), tls_key: join(gw.dir, 'ours.key'),
                          header_timeout: '2s' };
    gw.options.conf = `${WEB}[agent e]\ntype = http\nurl = https://127.0.0.1:${peer.address().port}/\n` +
        'deadline = 3s\n';
    await gw.start();
    assert.match(await tls(gw, {}), /^TLSv1\.[23]$/);
    const weak = { ciphers: 'ALL:@SECLEVEL=0' };
    assert.match(await tls(gw, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ...weak }), /^(ERR|ECONN)/);
    assert.match(await tls(gw, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:@SECLEVEL=0' }),
                 /^(ERR|ECONN)/);

    const halves = await Promise.all(Array.from({ length: 100 }, () => Raw.connect(gw)));
    for (const raw of halves) raw.send(Buffer.from('1603010200010001fc0303', 'hex'));
    assert.match(await tls(gw, {}), /^TLSv1\.[23]$/);
    await until(() => halves.every(raw => raw.ended), 'the end of all', 15000);

    gw.options.tandem = {}; // now without TLS, as a customer of ours
    await gw.stop();
    await gw.start();
    assert.match(await asks(gw, 'hello'), /nobody can answer/);
    assert.equal(asked, 0, 'a peer with a certificate of its own was spoken to');
    peer.close();
});
