/** operator.mjs - a running daemon as its operator meets it: health, drain, tandemctl, secrets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Gateway, builddir, sleep, until } from '../lib/gateway.mjs';

const CANARY = 'canary-5e1f';
const CONF = '[channel web]\ntype = webchat\nagent = echo\n' +
    `customer_secret = ${CANARY}-customer\n` +
    '[agent echo]\ntype = echo\n[agent slow]\ntype = echo\nprefix = slow:\ndelay = 700ms\n' +
    '[channel slow]\ntype = webchat\nagent = slow\n';
let gw;

before(async () => {
    gw = new Gateway({ conf: CONF, tandem: { admin_token: '@file:token', drain: '15s' } });
    writeFileSync(join(gw.dir, 'token'), `${CANARY}-token\n`, { mode: 0o600 });
    await gw.start();
});
after(() => gw.close());

function ctl(...args) {
    return spawnSync(join(builddir, 'tandemctl'), args, { encoding: 'utf8', timeout: 20000 });
}

function onSocket(...args) { return ctl('-s', join(gw.dir, 'control'), ...args); }

/** The status and body of a GET over the control socket. */
function ask(path) {
    return new Promise((done, fail) => {
        // A kept connection may have ended unseen while a command was waited for.
        const req = request({ socketPath: join(gw.dir, 'control'), path, agent: false }, res => {
            let body = '';
            res.on('data', data => { body += data; });
            res.on('end', () => done({ status: res.statusCode, body }));
        });
        req.on('error', fail);
        req.end();
    });
}

test('it is healthy, ready and measured', async () => {
    assert.equal((await fetch(`${gw.url}/healthz`)).status, 200);
    assert.equal((await fetch(`${gw.url}/readyz`)).status, 200);
    for (const path of ['healthz', 'readyz', 'metrics']) {
        assert.equal((await fetch(`${gw.url}/${path}`, { method: 'HEAD' })).status, 200);
        const refused = await fetch(`${gw.url}/${path}`, { method: 'DELETE' });
        assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
    }
    const metrics = await (await fetch(`${gw.url}/metrics`)).text();
    for (const name of ['build_info', 'process_resident_bytes', 'store_commit_seconds_count',
        'web_requests_total', 'store_batches_total', 'store_batch_count'])
        assert.match(metrics, new RegExp(`^tandem_${name}\\S* \\S+$`, 'm'));
    for (const name of ['handoffs_total', 'human_response_seconds', 'stale_outputs_total', 'promises_total',
        'clarify_turns_total', 'reexplain_total', 'duplicates_total', 'plugin_errors_total'])
        assert.match(metrics, new RegExp(`^# TYPE tandem_${name} `, 'm'), 'it is there before it is counted');
    const names = metrics.match(/^[a-z]\w*/gm);
    assert(names.every(name => name.startsWith('tandem_')), 'every metric begins with tandem_');
});

test('the page to chat with is served', async () => {
    const page = await fetch(`${gw.url}/chat/`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type'), /^text\/html/);
});

test('an empty conf gives a web chat that is answered', async () => {
    const empty = await Gateway.start({ conf: '' });
    try {
        const chat = await Chat.open(empty, 'web');
        await chat.say('Hello?');
        assert.match((await chat.message()).text, /an AI/);
        assert.match((await chat.message()).text, /Hello\?/);
        const token = readFileSync(join(empty.dir, 'desk.token'), 'utf8');
        const me = await fetch(`${empty.url}/desk/v1/me`,
                               { headers: { authorization: `Bearer ${token}` } });
        assert.equal((await me.json()).name, 'Human');
        const taken = await fetch(`${empty.url}/desk/v1/sessions/${chat.welcome.session}/take`,
                                  { method: 'POST', headers: { authorization: `Bearer ${token}` } });
        assert.equal(taken.status, 200);
    } finally {
        await empty.close();
    }
});

test('/api wants the token on the listener, and none on the control socket', async () => {
    const url = `${gw.url}/api/v1/status`;
    assert.equal((await fetch(url)).status, 401);
    const wrong = await fetch(url, { headers: { authorization: `Bearer ${CANARY}-tokem` } });
    assert.equal(wrong.status, 401);
    assert.equal((await wrong.json()).error.code, 'unauthorized');
    const right = await fetch(url, { headers: { authorization: `Bearer ${CANARY}-token` } });
    assert.equal(right.status, 200);
    assert.equal((await right.json()).ready, true);
    assert.equal((await ask('/api/v1/status')).status, 200);
});

test('without a token /api answers on the control socket only', async () => {
    const other = await Gateway.start({ conf: '' });
    try {
        assert.equal((await fetch(`${other.url}/api/v1/status`)).status, 404);
        assert.equal(ctl('-c', other.confPath, 'status').status, 0);
    } finally {
        await other.close();
    }
});

test('tandemctl shows the status, as text and as JSON', () => {
    const text = onSocket('status'), json = onSocket('--json', 'status');
    assert.equal(text.status, 0, text.stderr);
    assert.match(text.stdout, /^ready: yes$/m);
    assert.match(text.stdout, /^channel +web +webchat/m);
    assert.equal(JSON.parse(json.stdout).pid, gw.pid);
});

test('tandemctl finds the socket by the conf, or uses url and token', () => {
    assert.equal(ctl('-c', gw.confPath, 'status').status, 0);
    assert.equal(ctl('--url', gw.url, '--token-file', join(gw.dir, 'token'), 'status').status, 0);
    const refused = ctl('--url', gw.url, 'status');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /--token-file/);
});

test('tandemctl lists plugins', () => {
    const end = onSocket('plugins');
    assert.equal(end.status, 0);
    assert.match(end.stdout, /^webchat\.so +channel +webchat/m);
});

test('tandemctl follows a session: list, facts, journal, pass, close', async () => {
    const chat = await Chat.open(gw, 'web'), id = chat.welcome.session;
    await chat.say('Is my parcel lost?');
    await chat.message();

    const list = onSocket('--json', 'sessions', 'open');
    assert(JSON.parse(list.stdout).sessions.some(s => s.session === id || s.id === id), list.stdout);
    assert.equal(onSocket('sessions').stdout.split(id).length, 2, 'a list is shown once');
    const facts = onSocket('session', id);
    assert.equal(facts.status, 0, facts.stderr);
    assert.match(facts.stdout, /web/);

    const journal = onSocket('journal', id);
    const records = journal.stdout.trim().split('\n').map(line => JSON.parse(line));
    assert.deepEqual(records.map(r => r.seq), records.map((_, i) => i + 1));
    assert.doesNotMatch(journal.stdout, /parcel/);
    assert.deepEqual(records.filter(r => r.type === 'turn_end').map(r => r.names),
                     [{ outcome: 'answered', decision: 'resolve' }]);
    assert.match(onSocket('journal', id, '--bodies').stdout, /parcel/);

    const pass = onSocket('pass', id, 'slow');
    assert.equal(pass.status, 0, pass.stderr);
    await chat.next(f => f.type === 'owner' && f.owner.name === 'slow');
    await chat.say('And now?');
    assert.match((await chat.message()).text, /^slow:/);
    const nobody = onSocket('pass', id, 'nobody');
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /nobody|agent/);

    assert.equal(onSocket('close', id).status, 0);
    await until(() => JSON.parse(onSocket('--json', 'sessions', 'closed').stdout).sessions
        .some(s => s.session === id || s.id === id), 'the closed session');
    chat.destroy();
});

test('tandemctl says what is wrong and ends with 1, 2 or 3', () => {
    const none = onSocket('session', '01ARZ3NDEKTSV4RRFFQ69G5FAV');
    assert.equal(none.status, 1);
    assert.match(none.stderr, /no such session/);
    assert.equal(onSocket('session', 'nonsense').status, 2);
    assert.equal(onSocket('nosuch').status, 2);
    const away = ctl('-s', '/nosuch/control', 'status');
    assert.equal(away.status, 3);
    assert.match(away.stderr, /\/nosuch\/control/);
});

test('secrets stand in no log, no status, no metrics, no -T', async () => {
    const printed = spawnSync(gw.binary, ['-T', '-c', gw.confPath], { encoding: 'utf8' });
    assert.equal(printed.status, 0);
    const texts = [printed.stdout, printed.stderr, gw.log, (await ask('/api/v1/status')).body,
        (await ask('/api/v1/plugins')).body, await (await fetch(`${gw.url}/metrics`)).text()];
    for (const text of texts) assert(!text.includes(CANARY), text);
});

test('while it drains it is not ready, turns under way end, and it leaves with 0', async () => {
    const chat = await Chat.open(gw, 'slow');
    await chat.say('One more thing');
    const end = gw.stop();
    await until(() => gw.log.includes('draining'), 'the drain');
    const refused = await fetch(`${gw.url}/readyz`);
    assert.equal(refused.status, 503);
    assert.equal(await refused.text(), 'draining\n');
    assert.equal((await fetch(`${gw.url}/healthz`)).status, 200);
    assert.equal(JSON.parse(onSocket('--json', 'status').stdout).draining, true);
    await assert.rejects(Chat.open(gw, 'web'), { status: 503 });
    assert.match((await chat.message()).text, /^slow:/);
    const { code, ms } = await end;
    assert.equal(code, 0);
    assert(ms < 14000, `${ms} ms`);
    await until(() => chat.closed, 'the close');
    assert.equal(chat.closed.code, 1012);
    await gw.start();
});

test('tandemctl drain ends it as SIGTERM does', async () => {
    assert.equal(onSocket('drain').status, 0);
    assert.equal((await gw.exited).code, 0);
    await gw.start();
});

test('a second SIGTERM ends it at once, and nothing accepted is lost', async () => {
    const other = await Gateway.start({
        conf: '[channel web]\ntype = webchat\nagent = e\n[agent e]\ntype = echo\ndelay = 20s\n' +
            'deadline = 60s\n', tandem: { drain: '60s' },
    });
    const chat = await Chat.open(other, 'web');
    await chat.say('Please wait');
    other.signal('SIGTERM');
    await until(() => other.log.includes('draining'), 'the drain');
    await sleep(100);
    const { code, ms } = await other.stop();
    assert.equal(code, 0);
    assert(ms < 15000, `${ms} ms`); // neither the turn's 20 s nor the drain's 60
    await other.start();
    const again = await Chat.open(other, 'web',
        { hello: { resume: chat.welcome.resume, last_seq: 0 } });
    assert.equal((await again.next('echo')).text, 'Please wait');
    again.destroy();
    await other.kill();
    await other.close();
});

test('a store that fails while running ends it with 75', async t => {
    if (spawnSync('strace', ['-V']).error) return t.skip('strace is not installed');
    const other = await Gateway.start({
        conf: '', readyMs: 30000, env: { ASAN_OPTIONS: 'detect_leaks=0' }, // it cannot be traced twice
        wrap: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync',
            '-e', 'inject=fdatasync,fsync:error=EIO:when=30+' /* a first start makes 13 */],
    });
    const chat = await Chat.open(other, 'web');
    for (let i = 0; i < 40 && !chat.closed; i++)
        await chat.say(`Message ${i}`, `m${i}`, 1000).catch(() => {});
    const { code } = await other.exited;
    assert.equal(code, 75, other.log);
    other.options.wrap = [];
    await other.start();
    await other.close();
});
