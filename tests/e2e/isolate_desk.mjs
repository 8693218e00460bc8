/**
 * isolate_desk.mjs - humans behind an isolated desk, and answers that come late through an isolated
 * agent: what was promised to either outlives the process that promised it.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Gateway, builddir, sleep, until } from '../lib/gateway.mjs';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const QUICK = 'isolate = yes\nisolate_restart = 20ms\nisolate_restart_max = 200ms\n';

let gw, server, hooks = [];
const asked = []; // [{ turn, attempts }] of the agent that answers later

function agent(req, body, res) {
    const json = what => res.setHeader('Content-Type', 'application/json').end(JSON.stringify(what));

    if (req.url === '/later') {
        asked.push(req.headers['idempotency-key']);
        return res.writeHead(202).end();
    }
    if (req.url === '/hook') {
        hooks.push(body);
        return res.end('{}');
    }
    const text = body.messages.map(m => m.text).join(' ');
    if (text.includes('human'))
        return json({ decision: 'escalate', messages: [], summary: 'Wants a human.',
                      escalate: { code: 'requested', text: 'Wants a human.' } });
    json({ messages: [{ text: `re: ${text}` }] });
}

before(async () => {
    server = createServer((req, res) => {
        const chunks = [];
        req.on('data', chunk => chunks.push(chunk));
        req.on('end', () => agent(req, JSON.parse(Buffer.concat(chunks)), res));
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${server.address().port}`;
    gw = await Gateway.start({ conf:
        `[channel web]\ntype = webchat\nagent = front\nqueue = all\nrate = 0\n` +
        `[channel hooked]\ntype = webchat\nagent = front\nqueue = far\nrate = 0\n` +
        `[channel slow]\ntype = webchat\nagent = later\nrate = 0\n` +
        `[agent front]\ntype = http\nurl = ${url}/front\n` +
        `[agent later]\ntype = http\nurl = ${url}/later\nsecret = ${SECRET}\ndeadline = 15s\n` +
        `breaker_failures = 0\n${QUICK}` +
        `[desk support]\ntype = web\nallow = name\n${QUICK}` +
        `[desk foreign]\ntype = webhook\nurl = ${url}/hook\nsecret = ${SECRET}\n${QUICK}` +
        '[queue all]\ndesk = support\n[queue far]\ndesk = foreign\n' +
        '[human mia]\nname = Mia\ntoken = token-mia\n' });
});

after(async () => {
    await gw?.close();
    server?.closeAllConnections();
    server?.close();
});

const mia = () => new Desk(gw, 'token-mia');
const texts = chat => chat.frames.filter(f => f.type === 'message').map(f => f.text);

function isolated(name) {
    const run = spawnSync(join(builddir, 'tandemctl'), ['-s', join(gw.dir, 'control'), 'plugins',
        '--json'], { encoding: 'utf8' });

    assert.equal(run.status, 0, run.stderr);
    return JSON.parse(run.stdout).isolated.find(one => one.instance === name);
}

/** kill -9 of the process of one instance; returns when the next one runs. */
async function crash(name) {
    const { pid, restarts } = isolated(name);

    assert.ok(pid > 0);
    process.kill(pid, 'SIGKILL');
    await until(() => isolated(name).restarts > restarts && ![0, pid].includes(isolated(name).pid),
                `another process of ${name}`, 10000);
}

async function waiting(channel = 'web') {
    const chat = await Chat.open(gw, channel);

    await chat.say('I want a human, please');
    const handoff = await until(async () => (await mia().list('queued').catch(() => []))
        .find(h => h.session === chat.welcome.session), 'the handoff in the queue', 20000);
    return { chat, id: handoff.id };
}

/** A call that is made again while the desk's process is away. */
const persist = fn => until(async () => {
    const got = await fn().catch(() => ({ status: 0 }));
    return ![0, 502, 503, 404].includes(got.status) && got;
}, 'the desk coming back', 20000);

test('an isolated desk: accepted, talked, returned, with its events', async () => {
    const human = mia();

    await human.listen();
    await human.presence();
    const { chat, id } = await waiting();
    await human.event('handoff.offered');
    assert.equal((await human.post(`/handoffs/${id}/accept`)).status, 200);
    await chat.next(f => f.type === 'owner' && f.owner.kind === 'human');
    await chat.say('It is the blue one.');
    assert.equal((await human.event('handoff.message')).message.text, 'It is the blue one.');
    await human.post(`/handoffs/${id}/messages`, { id: randomUUID(), text: 'I see.' });
    await chat.next(f => f.type === 'message' && f.text === 'I see.' && f.author.name === 'Mia');
    assert.equal((await human.post(`/handoffs/${id}/return`, { note: 'told' })).status, 200);
    await chat.say('thanks');
    await chat.next(f => f.type === 'message' && f.text === 're: thanks');
    human.close();
    chat.close();
});

test('a desk that is killed while a handoff waits and while it is live costs nobody a word',
     async () => {
    const { chat, id } = await waiting();

    await crash('support');
    const accepted = await persist(() => mia().post(`/handoffs/${id}/accept`));
    assert.equal(accepted.status, 200);
    await chat.next(f => f.type === 'owner' && f.owner.kind === 'human');

    const message = { id: randomUUID(), text: 'One moment.' };
    assert.equal((await mia().post(`/handoffs/${id}/messages`, message)).status, 200);
    await crash('support');
    await chat.say('Are you still there?');
    const again = await persist(() => mia().post(`/handoffs/${id}/messages`, message));
    assert.equal(again.status, 200);
    const shown = await until(async () => {
        const { body } = await mia().get(`/handoffs/${id}`);
        return body.transcript?.some(m => m.text === 'Are you still there?') && body;
    }, 'what the customer said meanwhile', 20000);
    assert.equal(shown.transcript.filter(m => m.text === 'Are you still there?').length, 1);
    assert.equal((await mia().post(`/handoffs/${id}/messages`,
                                   { id: randomUUID(), text: 'Yes.' })).status, 200);
    await chat.next(f => f.type === 'message' && f.text === 'Yes.');
    assert.equal(texts(chat).filter(t => t === 'One moment.').length, 1);
    assert.equal((await mia().post(`/handoffs/${id}/close`, {})).status, 200);
    chat.close();
});

test('the events of an isolated desk go on after a crash for who comes back', async () => {
    const human = mia();

    await human.listen();
    await crash('support');
    await until(() => human.socket.closed, 'the end of the stream', 10000);
    const back = mia();
    await until(() => back.listen().then(() => true, () => false), 'coming back', 10000);
    await back.presence();
    const { chat, id } = await waiting();
    assert.equal((await back.event('handoff.offered')).handoff, id);
    back.close();
    chat.close();
});

test('a foreign desk that is killed before it was told hears of the handoff', async () => {
    const chat = await Chat.open(gw, 'hooked');

    process.kill(isolated('foreign').pid, 'SIGKILL');
    await chat.say('I want a human, please');
    const offered = await until(() => hooks.find(h => h.event === 'handoff.offered'),
                                'the offer', 20000);
    assert.ok(offered);
    chat.close();
});

/* ---- Late answers ------------------------------------------------------------------------- */

const late = (turn, text, token = SECRET) => fetch(`${gw.url}/api/v1/turns/${turn}/answer`, {
    method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ text }] }),
});

async function later(text) {
    const chat = await Chat.open(gw, 'slow'), n = asked.length;

    await chat.say(text);
    return { chat, turn: await until(() => asked[n], 'the question') };
}

test('an answer that comes late goes through an isolated agent, once', async () => {
    const { chat, turn } = await later('hello');

    assert.equal((await late(turn, 'no', 'wrong')).status, 401);
    const all = await Promise.all(['a', 'b', 'c', 'd'].map(text => late(turn, text)));
    assert.equal(all.filter(r => r.status === 200).length, 1, all.map(r => r.status).join());
    await chat.message();
    assert.equal((await late(turn, 'twice')).status, 409);
    await sleep(100);
    assert.equal(texts(chat).length, 1);
    chat.close();
});

test('an isolated agent that is killed after it promised is asked again, and answered once',
     async () => {
    const { chat, turn } = await later('hello'), n = asked.length;

    await crash('later');
    await until(() => asked.length > n, 'the question again', 10000);
    assert.equal(asked.at(-1), turn);
    const taken = await until(async () => {
        const { status } = await late(turn, 'at last');
        assert.ok([200, 503].includes(status), `HTTP ${status}`);
        return status === 200;
    }, 'the answer being taken', 10000);
    assert.ok(taken);
    assert.equal((await chat.message()).text, 'at last');
    assert.equal((await late(turn, 'twice')).status, 409);
    await sleep(100);
    assert.deepEqual(texts(chat), ['at last']);
    chat.close();
});

test('an isolated agent that hangs does not hold up who posts an answer, nor anybody else',
     async () => {
    const { chat, turn } = await later('hello'), { pid } = isolated('later');
    const other = await Chat.open(gw, 'web');

    process.kill(pid, 'SIGSTOP');
    const posts = Array.from({ length: 5 }, (_, i) => late(turn, `late ${i}`));
    await other.say('hello');
    await other.next(f => f.type === 'message' && f.text === 're: hello');
    for (const res of await Promise.all(posts)) assert.equal(res.status, 503);
    process.kill(pid, 'SIGCONT');
    // What was posted may still be taken: who posts it again is told that there is an answer.
    await until(async () => [200, 409].includes((await late(turn, 'late 5')).status), 'an end', 10000);
    assert.match((await chat.message()).text, /^late [0-5]$/);
    await sleep(100);
    assert.equal(texts(chat).length, 1);
    other.close();
    chat.close();
});
