/** operate.mjs - operating a running gateway: channels held back, events, chat, the doctor. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Gateway, builddir, sleep, until } from '../lib/gateway.mjs';

const CONF = '[channel web]\ntype = webchat\nagent = echo\n' +
    '[channel other]\ntype = webchat\nagent = echo\nrate = 0\n[agent echo]\ntype = echo\n' +
    '[agent second]\ntype = echo\nprefix = second:\n';
let gw;

before(async () => { gw = await Gateway.start({ conf: CONF }); });
after(() => gw.close());

function ctl(...args) {
    return spawnSync(join(builddir, 'tandemctl'), ['-s', join(gw.dir, 'control'), ...args],
                     { encoding: 'utf8', timeout: 20000 });
}

function channel(name) {
    return JSON.parse(ctl('--json', 'channels').stdout).channels.find(c => c.name === name);
}

/* ---- Channels and agents ------------------------------------------------------------------ */

test('channels and agents are listed, as text and as JSON', () => {
    const channels = ctl('channels'), agents = ctl('agents');
    assert.equal(channels.status, 0, channels.stderr);
    assert.match(channels.stdout, /^web +webchat +open +0/m);
    assert.match(agents.stdout, /^second +echo +open +closed/m);
    assert.deepEqual(JSON.parse(ctl('--json', 'agents').stdout).agents.map(a => a.name),
                     ['echo', 'second']);
});

test('a suspended channel holds back what it would send, and resumed it loses nothing', async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('before');
    assert.match((await chat.message()).text, /before/);

    const end = ctl('suspend', 'web');
    assert.equal(end.status, 0, end.stderr);
    assert.match(end.stdout, /^state: suspended$/m);
    assert.match(ctl('status').stdout, /^channel +web +webchat +\S+ +suspended/m);
    await chat.say('one');
    await until(() => channel('web').waiting === 1, 'an answer that waits');
    await assert.rejects(chat.say('two'), { code: 'busy', message: /suspended/ });
    await assert.rejects(chat.message(300), /no message within/);

    assert.equal(ctl('resume', 'web').status, 0);
    assert.match((await chat.message()).text, /one/);
    await chat.say('two');
    assert.match((await chat.message()).text, /two/);
    assert.equal(channel('web').state, 'open');
    assert.equal(channel('web').waiting, 0);
    chat.destroy();
});

test('a suspended channel takes no new customers, and the others do', async () => {
    ctl('suspend', 'web');
    await assert.rejects(Chat.open(gw, 'web'));
    const chat = await Chat.open(gw, 'other');
    await chat.say('here');
    await chat.message();
    chat.destroy();
    ctl('resume', 'web');
    (await Chat.open(gw, 'web')).destroy();
});

test('a reload leaves it suspended, a restart does not', async () => {
    ctl('suspend', 'web');
    gw.writeConf(CONF.replace('[channel web]\n', '[channel web]\ngreet = yes\nreplay = 100\n'));
    assert.equal(ctl('reload').status, 0);
    assert.equal(channel('web').state, 'suspended');
    await assert.rejects(Chat.open(gw, 'web'));
    await gw.stop();
    gw.writeConf(CONF);
    await gw.start();
    assert.equal(channel('web').state, 'open');
    (await Chat.open(gw, 'web')).destroy();
});

test('who names a channel that is not there is told so', () => {
    const none = ctl('suspend', 'nosuch');
    assert.equal(none.status, 1);
    assert.match(none.stderr, /no such channel/);
    assert.equal(ctl('suspend', 'echo').status, 1);
    assert.equal(ctl('suspend', '../x').status, 2);
    assert.equal(ctl('suspend').status, 2);
});

/* ---- Events ------------------------------------------------------------------------------- */

/** Reads /api/v1/events over the control socket; .events, .raw, .response. */
function follow(query = '', headers = {}) {
    const stream = { events: [], raw: '', closed: false };
    return new Promise((done, fail) => {
        const req = request({ socketPath: join(gw.dir, 'control'),
                              path: `/api/v1/events${query}`, headers }, res => {
            stream.response = res;
            res.setEncoding('utf8');
            res.on('data', text => {
                stream.raw += text;
                stream.events = [...stream.raw.matchAll(/^data: (.*)\n\n/gm)]
                    .map(m => JSON.parse(m[1]));
            });
            res.on('close', () => { stream.closed = true; });
            done(stream);
        });
        stream.close = () => req.destroy();
        req.on('error', fail);
        req.end();
    });
}

const types = stream => stream.events.map(e => e.type);

test('events tell what happens, in order, and nothing that is said', async () => {
    const all = await follow();
    assert.equal(all.response.headers['content-type'], 'text/event-stream');
    const chat = await Chat.open(gw, 'web');
    await chat.say('canary-word');
    await chat.message();
    await until(() => types(all).includes('delivery'), 'the delivery');
    const mine = all.events.filter(e => e.session === chat.welcome.session);
    assert.deepEqual(mine.map(e => e.type).slice(0, 6),
                     ['opened', 'owner', 'message', 'turn', 'turn_end', 'reply']);
    assert(mine.every(e => e.channel === 'web'));
    assert.equal(mine.find(e => e.type === 'turn').agent, 'echo');
    assert.deepEqual(mine.map(e => e.facts.seq), mine.map((_, i) => i + 1));
    assert.doesNotMatch(all.raw, /canary-word/);
    ctl('suspend', 'web');
    ctl('resume', 'web');
    ctl('reload');
    await until(() => types(all).includes('reload'), 'the reload');
    assert.deepEqual(all.events.filter(e => e.type === 'instance').map(e => e.facts.state),
                     ['suspended', 'open']);
    all.close();
    chat.destroy();
});

test('events are filtered by session, channel, agent and type', async () => {
    const one = await Chat.open(gw, 'web'), two = await Chat.open(gw, 'other');
    const streams = await Promise.all([follow(`?session=${one.welcome.session}`),
        follow('?channel=other'), follow('?agent=echo&type=turn,reply'), follow('?agent=second')]);
    for (const chat of [one, two]) {
        await chat.say('hello');
        await chat.message();
    }
    await until(() => streams[1].events.length >= 4 && streams[2].events.length >= 4, 'events');
    assert(streams[0].events.every(e => e.session === one.welcome.session));
    assert(streams[1].events.every(e => e.session === two.welcome.session));
    assert.deepEqual(new Set(types(streams[2])), new Set(['turn', 'reply']));
    assert.equal(streams[3].events.length, 0);
    assert.equal((await follow('?type=nosuch')).response.statusCode, 400);
    assert.equal((await follow('?session=x')).response.statusCode, 400);
    for (const stream of streams) stream.close();
    one.destroy();
    two.destroy();
});

test('who was cut off goes on after Last-Event-ID, and is told what is lost', async () => {
    const first = await follow('?type=message');
    const chat = await Chat.open(gw, 'web');
    await chat.say('one');
    await until(() => first.events.length === 1, 'an event');
    const id = first.raw.match(/^id: (\d+)/m)[1];
    first.close();
    await chat.say('two');
    await chat.say('three');
    const next = await follow('?type=message', { 'last-event-id': id });
    await until(() => next.events.length === 2, 'two more');
    const lost = await follow('', { 'last-event-id': '1' });
    await until(() => lost.events.length > 2, 'what is kept');
    assert.equal(lost.events[0].type, 'lost');
    next.close();
    lost.close();
    chat.destroy();
});

test('who reads too slowly is dropped, and the last event says so', async () => {
    const slow = await follow();
    slow.response.pause();
    const chats = await Promise.all(Array.from({ length: 10 }, () => Chat.open(gw, 'other')));
    const dropped = async () => Number((await (await fetch(`${gw.url}/metrics`)).text())
        .match(/^tandem_web_slow_closed_total (\d+)/m)[1]);
    for (let i = 0; i < 60 && await dropped() === 0; i++)
        await Promise.all(chats.map(async chat => {
            for (let n = 0; n < 10; n++) chat.send({ type: 'message', id: `${i}.${n}`, text: 'x' });
            await chat.message();
        }));
    assert.equal(await dropped(), 1);
    slow.response.resume();
    await until(() => slow.closed, 'the end', 10000);
    assert.equal(slow.events.at(-1).type, 'dropped');
    for (const chat of chats) chat.destroy();
});

test('tandemctl tail prints a line an event', async () => {
    const tail = spawn(join(builddir, 'tandemctl'),
                       ['-s', join(gw.dir, 'control'), 'tail', '--channel', 'web', '--type',
                        'opened,turn_end'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    tail.stdout.on('data', data => { out += data; });
    const ended = new Promise(done => tail.on('close', done));
    await until(async () => {
        const chat = await Chat.open(gw, 'web');
        await chat.say('hello');
        await chat.message();
        chat.destroy();
        return /turn_end/.test(out);
    }, 'a line');
    assert.match(out, /^\S+Z turn_end {2}\w{26} web echo .*outcome=answered decision=resolve/m);
    assert.doesNotMatch(out, /message/);
    await gw.stop();
    assert.equal(await ended, 3);
    assert.equal(ctl('tail').status, 3);
    await gw.start();
    assert.equal(ctl('tail', '--type', 'nosuch').status, 1);
    assert.equal(ctl('tail', '--type', 'a b').status, 2);
});

/* ---- Talking from a terminal -------------------------------------------------------------- */

function chatWith(input, ...args) {
    return spawnSync(join(builddir, 'tandemctl'),
                     ['-s', join(gw.dir, 'control'), 'chat', ...args],
                     { encoding: 'utf8', timeout: 20000, input });
}

test('tandemctl chat talks through the gateway and leaves', () => {
    const end = chatWith('Is it open?\n');
    assert.equal(end.status, 0, end.stderr);
    assert.match(end.stdout, /^-- session \w{26}/m);
    assert.match(end.stdout, /^echo: Is it open\?$/m);
    const long = 'x'.repeat(1000);
    assert.match(chatWith(long).stdout, new RegExp(`^echo: ${long}$`, 'm'));
});

test('tandemctl chat takes a channel and an agent, and shows what happened', () => {
    const end = chatWith('Hello\n', '--channel', 'other', '--agent', 'second', '--trace');
    assert.equal(end.status, 0, end.stderr);
    assert.match(end.stdout, /^second: ?second:.*Hello$/m);
    assert.match(end.stdout, /^ {2}\| +\+\d+ ms turn_end +agent=second .*outcome=answered/m);
    const id = end.stdout.match(/session (\w{26})/)[1];
    assert.equal(JSON.parse(ctl('--json', 'session', id).stdout).channel, 'other');
    assert.match(chatWith('I want a human\n', '--trace').stdout,
                 /^ {2}\| .* rule .*name=human .*outcome=(?:nobody|handoff) code=customer_request/m);
    assert.equal(chatWith('x\n', '--agent', 'nosuch').status, 1);
    const same = chatWith('Hello again\n', '--channel', 'other', '--agent', 'echo');
    assert.equal(same.status, 0, same.stderr);
    assert.equal(chatWith('x\n', '--agent', 'no such').status, 2);
    assert.match(chatWith('x\n', '--channel', 'nosuch').stderr, /no channel nosuch/);
});

/* ---- The doctor --------------------------------------------------------------------------- */

function doctor(conf) {
    const path = join(gw.dir, 'doctor.conf');
    writeFileSync(path, conf, { mode: 0o600 });
    return spawnSync(join(builddir, 'tandemctl'), ['-c', path, 'doctor'],
                     { encoding: 'utf8', timeout: 20000, cwd: gw.dir });
}

const HEAD = () => '[tandem]\nlisten = 127.0.0.1:0\nmin_free = 1M\ncontrol = nobody\n' +
    `plugin_dir = ${gw.pluginDirs.join(', ')}\n`;

test('the doctor finds nothing bad with a gateway that runs', () => {
    const end = spawnSync(join(builddir, 'tandemctl'), ['-c', gw.confPath, 'doctor'],
                          { encoding: 'utf8', timeout: 20000 });
    assert.equal(end.status, 0, end.stdout + end.stderr);
    for (const line of ['ok    conf', 'ok    daemon', 'ok    port', 'ok    plugins'])
        assert.match(end.stdout, new RegExp(`^${line}`, 'm'));
    assert.match(end.stdout, /^(ok|warn) +store .*tandem\.db/m);
    assert.match(end.stdout, /^(ok|warn) +clock /m);
});

test('the doctor names what is bad, and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = server.address().port;
    const end = doctor(`${HEAD().replace(':0', `:${port}`).replace('1M', '500000G')}` +
        `store = sqlite:${gw.dir}/d.db\n${CONF}[agent far]\ntype = http\n` +
        'url = http://127.0.0.1:1/x\n');
    server.close();
    assert.equal(end.status, 1, end.stdout + end.stderr);
    assert.match(end.stdout, /^warn +daemon .*start it/m);
    assert.match(end.stdout, new RegExp(`^bad +port +127\\.0\\.0\\.1:${port} is taken .*ss -ltnp`, 'm'));
    assert.match(end.stdout, /^bad +space .*make room/m);
    assert.match(end.stdout, /^bad +agent +far: .*url/m);
});

test('the doctor reads a conf that is no good, a store that cannot be and a certificate', () => {
    const bad = doctor('[tandem]\nstor = x\n');
    assert.equal(bad.status, 1);
    assert.match(bad.stdout, /^bad +conf .*\n.*did you mean 'store'/m);
    assert.match(doctor(`${HEAD()}store = sqlite:/nosuch/t.db\n`).stdout,
                 /^bad +store +\/nosuch cannot be written/m);
    if (spawnSync('openssl', ['version']).error) return;
    spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '5', '-subj',
        '/CN=localhost', '-keyout', join(gw.dir, 'key.pem'), '-out', join(gw.dir, 'cert.pem')]);
    assert.match(doctor(`${HEAD()}store = memory:\ntls_cert = cert.pem\n` +
                        'tls_key = key.pem\n').stdout,
                 /^warn +tls .*cert\.pem is good for [45] more days: renew it/m);
});
