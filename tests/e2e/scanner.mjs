/**
 * scanner.mjs - a whole daemon with a virus scanner: a real clamd with a signature of our own when
 * the system has one, and a stand-in written from clamd(8), which also fails as told.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const CLAMD = ['/usr/sbin/clamd', '/usr/local/sbin/clamd'].find(existsSync);
const LIMIT = 1 << 20; // of the scanners, under the gateway's
const SIGN = 'this-is-our-own-test-virus'; // no real one is needed

const dir = mkdtempSync(join(tmpdir(), 'tandem-scan-'));
let gw;

before(async () => {
    gw = await Gateway.start({
        conf: '[agent bot]\ntype = echo\n\n[channel web]\ntype = webchat\nagent = bot\n',
        tandem: { scanner: `clamd:${join(dir, 'stand-in')}` },
    });
});

after(async () => {
    await gw?.close();
    rmSync(dir, { recursive: true, force: true });
});

async function use(address) {
    await gw.stop();
    gw.options.tandem.scanner = `clamd:${address}`;
    await gw.start();
}

async function post(data, name = 'a.txt') {
    const chat = await Chat.open(gw, 'web');
    const res = await fetch(`${gw.url}${chat.welcome.limits.upload}?name=${name}`, {
        method: 'POST', body: data, headers: { authorization: `Bearer ${chat.welcome.resume}` } });
    const body = await res.json();
    chat.close();
    return { status: res.status, ...body.error, id: body.id };
}

async function judges(t) {
    assert.equal((await post('a clean text')).status, 201);
    assert.equal((await post(Buffer.alloc(900000, 'b'))).status, 201);
    const found = await post(`some text, then ${SIGN} and more`);
    assert.deepEqual([found.status, found.code], [422, 'refused']);
    assert.match(found.message, /virus scanner found .*Tandem\.Test/, t.name);
    const large = await post(Buffer.alloc(LIMIT + 300000, 'c'));
    assert.equal(large.status, 422);
    assert.match(large.message, /does not take a file of/);
}

test('a real clamd, with a signature of our own, judges what comes in',
     { skip: CLAMD ? false : 'clamd is not installed' }, async t => {
    const socket = join(dir, 'clamd.sock'), db = join(dir, 'db');
    mkdirSync(db);
    writeFileSync(join(db, 'own.ndb'), `Tandem.Test:0:*:${Buffer.from(SIGN).toString('hex')}\n`);
    writeFileSync(join(dir, 'clamd.conf'), `LocalSocket ${socket}\nDatabaseDirectory ${db}\n` +
        `Foreground yes\nStreamMaxLength ${LIMIT}\nTemporaryDirectory ${dir}\n`);
    const child = spawn(CLAMD, ['-c', join(dir, 'clamd.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', d => { log += d; });
    const gone = new Promise(done => child.on('close', done));
    process.on('exit', () => child.kill('SIGKILL'));
    try {
        await until(() => existsSync(socket) || child.exitCode !== null, 'clamd', 30000);
        assert.equal(child.exitCode, null, log);
        await use(socket);
        await judges(t);
    } finally {
        child.kill('SIGTERM');
        await Promise.race([gone, sleep(5000)]);
        child.kill('SIGKILL');
    }
    const away = await post('a clean text');
    assert.deepEqual([away.status, away.code, away.message],
                     [503, 'busy', 'the virus scanner is away']);
});

/** INSTREAM as clamd(8) has it; behaves as `mode` says. */
function standIn(socket, state) {
    const at = state.port === undefined ? [socket] : [state.port, '127.0.0.1'];
    const server = createServer(peer => {
        let data = Buffer.alloc(0), started = false, got = '';
        peer.on('error', () => {});
        if (state.mode === 'reset') return void peer.destroy();
        peer.on('data', piece => {
            if (state.mode === 'mute') return;
            data = Buffer.concat([data, piece]);
            if (!started) {
                if (data.length < 10) return;
                assert.equal(data.subarray(0, 10).toString(), 'zINSTREAM\0');
                data = data.subarray(10);
                started = true;
            }
            while (data.length >= 4 && data.length >= 4 + data.readUInt32BE(0)) {
                const n = data.readUInt32BE(0);
                got += data.subarray(4, 4 + n).toString('latin1');
                data = data.subarray(4 + n);
                if (state.mode === 'early') return void peer.pause().end('stream: OK\0');
                if (got.length > LIMIT)
                    return void peer.end('INSTREAM size limit exceeded. ERROR\0');
                if (n > 0) continue;
                state.scans++;
                if (state.mode === 'odd') return void peer.end('stream: what is this\0');
                if (state.mode === 'long') return void peer.end('x'.repeat(5000));
                const answer = got.includes(SIGN) ? 'stream: Tandem.Test FOUND\0' : 'stream: OK\0';
                peer.write(answer.slice(0, 5));
                setTimeout(() => peer.end(answer.slice(5)), 20);
            }
        });
    });
    return new Promise(done => server.listen(...at, () => done(server)));
}

test('a stand-in for clamd, over a socket and over TCP, judges what comes in', async t => {
    const path = join(dir, 'stand-in'), state = { mode: 'ok', scans: 0 };
    const server = await standIn(path, state), tcp = await standIn(path, { ...state, port: 0 });
    await use(path);
    await judges(t);
    assert.ok(state.scans >= 3);
    await use(`127.0.0.1:${tcp.address().port}`);
    await judges(t);
    await use(path);
    const text = Buffer.alloc(900000, 'd'); // more than what is not read fits into a socket
    for (const mode of ['reset', 'early', 'odd', 'long']) {
        state.mode = mode;
        const { status, code } = await post(text);
        assert.deepEqual([mode, status, code], [mode, 503, 'busy']);
    }
    state.mode = 'ok';
    assert.equal((await post('a clean text')).status, 201);
    server.close();
    tcp.close();
});

test('without its scanner nothing is taken, and one that never answers holds up nobody', async () => {
    const path = join(dir, 'mute'), state = { mode: 'mute', scans: 0 };
    const server = await standIn(path, state);
    await use(path);
    const chat = await Chat.open(gw, 'web');
    const controller = new AbortController();
    const waiting = fetch(`${gw.url}${chat.welcome.limits.upload}`, {
        method: 'POST', body: 'hello', signal: controller.signal,
        headers: { authorization: `Bearer ${chat.welcome.resume}` } }).catch(e => e.name);
    await sleep(100);
    await chat.say('is anybody there?');
    assert.match((await chat.message()).text, /is anybody there/);
    controller.abort();
    assert.equal(await waiting, 'AbortError');
    chat.close();
    await gw.stop();
    await new Promise(done => server.close(done));
    await gw.start();
    const away = await post('hello');
    assert.deepEqual([away.status, away.message], [503, 'the virus scanner is away']);
});
