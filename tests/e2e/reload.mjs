/** reload.mjs - a new conf for a running daemon: all of it or nothing, and nobody is disturbed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Gateway, builddir, sleep, until } from '../lib/gateway.mjs';

const section = (kind, name, keys) => `[${kind} ${name}]\n` +
    Object.entries(keys).map(([key, value]) => `${key} = ${value}\n`).join('');
const web = (keys = {}) => section('channel', 'web', { type: 'webchat', agent: 'a', rate: 0, ...keys });
const agent = (name, keys = {}) => section('agent', name, { type: 'echo', prefix: `${name}:`, ...keys });
let gw;

before(async () => { gw = await Gateway.start({ conf: web() + agent('a') }); });
after(() => gw.close());

function reload(conf) {
    if (conf !== undefined) gw.writeConf(conf);
    const end = spawnSync(join(builddir, 'tandemctl'), ['-c', gw.confPath, '--json', 'reload'],
        { encoding: 'utf8', timeout: 20000 });
    return { ...end, answer: end.stdout ? JSON.parse(end.stdout) : null };
}

async function answerOf(chat, text) {
    await chat.say(text);
    return (await chat.message()).text;
}

test('an instance that did not change keeps its sockets; the new policy holds at once', async () => {
    const chat = await Chat.open(gw, 'web');
    assert.match(await answerOf(chat, 'one'), /^a:/);
    const end = reload(web({ agent: 'b', queue_mode: 'collect', collect_wait: '10ms' }) + agent('a') +
        agent('b'));
    assert.equal(end.status, 0, end.stderr + end.stdout);
    const fresh = await Chat.open(gw, 'web');
    assert.match(await answerOf(fresh, 'two'), /^b:/);
    assert.match(await answerOf(chat, 'three'), /^a:/, 'the owner of a session stays');
    assert.equal(chat.closed, undefined);
    fresh.destroy();
    chat.destroy();
});

test('a bad conf changes nothing and says why', async () => {
    const before = gw.options.conf;
    const chat = await Chat.open(gw, 'web');
    const end = reload(web({ agent: 'c', nosuch: 1 }) + agent('b'));
    assert.equal(end.status, 1);
    assert.equal(end.answer.reloaded, false);
    assert.match(end.answer.error.message, /unknown key 'nosuch'/);
    assert.match(end.answer.error.message, /there is no \[agent c\]/);
    assert.match(end.answer.error.message, /nothing was changed\n?$/);
    assert.match(await answerOf(chat, 'still there?'), /^b:/);
    gw.writeConf(before);
    chat.destroy();
});

test('a conf that has become empty is not taken for the built-in one', () => {
    const before = gw.options.conf, end = reload('');
    assert.equal(end.status, 1);
    assert.match(end.answer.error.message, /no channels and agents any more/);
    gw.writeConf(before);
});

test('when one instance will not open, everything is as it was', async () => {
    const before = gw.options.conf;
    const chat = await Chat.open(gw, 'web');
    const end = reload(before + agent('new') +
        section('agent', 'bad', { type: 'http', url: 'http://127.0.0.1:1/', secret: 'whsec_!!' }));
    assert.equal(end.status, 1, end.stdout);
    assert.match(await answerOf(chat, 'still there?'), /^b:/);
    const names = JSON.parse(spawnSync(join(builddir, 'tandemctl'),
        ['-c', gw.confPath, '--json', 'status'], { encoding: 'utf8' }).stdout)
        .instances.map(i => i.name);
    assert(!names.includes('new') && !names.includes('bad'), names.join());
    gw.writeConf(before);
    chat.destroy();
});

test('a changed instance that will not open with its new keys goes on with the old ones', () => {
    const http = secret => section('agent', 'h', { type: 'http', url: 'http://127.0.0.1:1/', secret });
    const before = gw.options.conf;
    assert.equal(reload(before + http('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')).status, 0);
    const end = reload(before + http('whsec_!!'));
    assert.equal(end.status, 1);
    assert.match(end.answer.error.message, /\[agent h\].*nothing was changed/);
    const status = JSON.parse(spawnSync(join(builddir, 'tandemctl'),
        ['-c', gw.confPath, '--json', 'status'], { encoding: 'utf8' }).stdout);
    assert.equal(status.instances.find(i => i.name === 'h').state, 'open');
    assert.equal(status.ready, true);
    assert.equal(reload(before).status, 0);
});

test('channels and agents come, change and go', async () => {
    assert.equal(reload(web() + agent('a') + agent('x') +
        section('channel', 'shop', { type: 'webchat', agent: 'x' })).status, 0);
    const shop = await Chat.open(gw, 'shop');
    assert.match(await answerOf(shop, 'hello'), /^x:/);

    assert.equal(reload(web() + agent('a') + agent('x', { prefix: 'y:' }) +
        section('channel', 'shop', { type: 'webchat', agent: 'x' })).status, 0);
    assert.match(await answerOf(shop, 'again'), /^y:/);

    assert.equal(reload(web() + agent('a')).status, 0);
    await assert.rejects(Chat.open(gw, 'shop'), { status: 404 });
    const chat = await Chat.open(gw, 'web');
    assert.match(await answerOf(chat, 'still here'), /^a:/);
    chat.destroy();
});

test('keys that wait for the next start are named', () => {
    gw.options.tandem = { max_sessions: 5 };
    const end = reload(web() + agent('a'));
    assert.equal(end.status, 0);
    assert.match(end.answer.note, /max_sessions/);
    delete gw.options.tandem;
    assert.equal(reload(web() + agent('a')).status, 0);
});

test('SIGHUP again and again under load, every third conf broken: no socket drops, no answer is lost',
    async () => {
        const good = web() + agent('a'), other = web({ greet: 'no', idle_close: '1h' }) + agent('a') +
            agent('z');
        const chats = await Promise.all(Array.from({ length: 20 }, () => Chat.open(gw, 'web')));
        const reloads = () => gw.log.match(/"reloaded |is refused/g)?.length ?? 0;
        let running = true, said = 0;
        const talk = async chat => {
            while (running) {
                assert.match(await answerOf(chat, `word ${said}`), /^a:word/);
                said++;
            }
        };
        const talks = Promise.all(chats.map(talk));
        talks.catch(() => {}); // told when it is awaited
        for (let i = 0; i < 60 || (said <= 200 && i < 2000); i++) {
            const before = reloads();
            gw.writeConf(i % 3 === 0 ? `${good}[nonsense\n` : i % 3 === 1 ? good : other);
            gw.signal('SIGHUP');
            await until(() => reloads() > before, 'the reload', 20000);
            await sleep(30);
        }
        running = false;
        await talks;
        assert(said > 200, `only ${said} answers`);
        assert(chats.every(chat => chat.closed === undefined));
        assert((gw.log.match(/is refused/g) ?? []).length >= 15);
        gw.writeConf(good);
        for (const chat of chats) chat.destroy();
    });
