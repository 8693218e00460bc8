/**
 * isolate.mjs - `isolate = yes`: what a plugin does wrong in its own process costs its instance a
 * restart and nobody else anything. Rows 17 to 19 of the test program.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { Gateway, builddir, sanitized, sleep, until } from '../lib/gateway.mjs';

const BYSTANDERS = '[channel web]\ntype = webchat\nagent = echo\nrequire_origin = no\nrate = 0\n\n' +
    '[agent echo]\ntype = echo\n\n';
const QUICK = 'isolate = yes\nisolate_restart = 20ms\nisolate_restart_max = 200ms\n';

function start(conf, tandem = {}) {
    const dirs = ['channels/.libs', 'plugins/.libs', 'tests/plugins/apart/.libs'];

    return Gateway.start({ conf, tandem, pluginDirs: dirs.map(dir => join(builddir, dir)) });
}

function ctl(gw, ...args) {
    const run = spawnSync(join(builddir, 'tandemctl'), ['-s', join(gw.dir, 'control'), ...args],
                          { encoding: 'utf8' });

    assert.equal(run.status, 0, run.stderr);
    return run.stdout;
}

const isolated = gw => JSON.parse(ctl(gw, 'plugins', '--json')).isolated;
const pidOf = (gw, name) => isolated(gw).find(one => one.instance === name).pid;
const losses = (gw, name) => isolated(gw).find(one => one.instance === name).restarts;

/** Its children that live. */
function childrenOf(pid) {
    return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(child => {
        try {
            const stat = readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1].split(' ');
            return stat[0] !== 'Z' && Number(stat[1]) === pid;
        } catch { return false; }
    });
}

const rssOf = pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const fdsOf = pid => readdirSync(`/proc/${pid}/fd`).length;

/** Says something and waits for the answer to it, however long the agent is away. */
async function talk(chat, text, answer) {
    await chat.say(text);
    return chat.next(f => f.type === 'message' && f.text === answer, 20000);
}

/** A conversation on another instance, until it is told to end: how often it was answered. */
function bystander(gw) {
    const self = { over: false, n: 0 };

    self.done = (async () => {
        const chat = await Chat.open(gw, 'web');

        while (!self.over) {
            await talk(chat, `still ${self.n}`, `still ${self.n}`);
            self.n++;
            await sleep(20);
        }
        assert.equal(chat.frames.filter(f => f.type === 'error').length, 0);
        chat.close();
        return self.n;
    })();
    return self;
}

/** Everything else goes on while fn() runs, without an error. */
async function unharmed(gw, fn) {
    const other = bystander(gw);

    await fn();
    const before = other.n;
    await until(() => other.n > before + 2, 'the bystander going on', 20000);
    other.over = true;
    await other.done;
    assert.doesNotMatch(gw.log, /level=error .*(channel=web|agent=echo)/);
}

test('isolated plugins talk as others do: webchat, echo, http', async () => {
    const agent = await Agent.start();
    const gw = await start(
        '[channel web]\ntype = webchat\nagent = echo\nrequire_origin = no\nisolate = yes\n\n' +
        '[channel shop]\ntype = webchat\nagent = echo\norigins = https://a.test\nisolate = yes\n\n' +
        '[channel two]\ntype = webchat\nagent = far\nrequire_origin = no\nisolate = yes\n\n' +
        `[agent echo]\ntype = echo\nisolate = yes\n\n[agent far]\ntype = http\nurl = ${agent.url('a')}\n` +
        'isolate = yes\n');

    try {
        const chat = await Chat.open(gw, 'web');
        await talk(chat, 'Grüße', 'Grüße');
        const back = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume } });
        assert.equal(back.welcome.session, chat.welcome.session);
        const far = await Chat.open(gw, 'two');
        await far.say('hello');
        assert.ok((await far.message()).text);
        const asks = origin => fetch(`${gw.url}/chat/shop/files`, {
            method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
        assert.equal((await asks('https://a.test')).status, 204);
        assert.equal((await asks('https://b.test')).status, 403);
        assert.equal(childrenOf(gw.pid).length, 5);
        assert.match(ctl(gw, 'plugins'), /instance .*pid .*restarts/i);
        for (const one of isolated(gw)) assert.equal(one.restarts, 0);
        assert.equal((await gw.stop()).code, 0);
        assert.doesNotMatch(gw.log, /level=(warn|error)/);
    } finally {
        await gw.close();
        await agent.stop();
    }
});

// A sanitizer reports the crashes that are wanted here, and ends the process in its own way.
const crashes = { skip: sanitized && 'a sanitizer takes the signal' };

test('row 17: a plugin that crashes again and again is started again; what it had is redone',
     crashes, async () => {
    const gw = await start(`${BYSTANDERS}[channel bad]\ntype = webchat\nagent = bad\n` +
        `require_origin = no\nrate = 0\n\n[agent bad]\ntype = unruly\nevery = 3\n${QUICK}`);

    try {
        await unharmed(gw, async () => {
            const chat = await Chat.open(gw, 'bad');
            for (let i = 0; i < 12; i++) await talk(chat, `m${i}`, `again: m${i}`);
            assert.ok(losses(gw, 'bad') >= 3);
            assert.match(gw.log, /level=error .*its process was ended by signal 11 .*started again/);
            process.kill(pidOf(gw, 'bad'), 'SIGKILL');
            await talk(chat, 'killed', 'again: killed');
        });
    } finally {
        await gw.close();
    }
});

test('row 17: a channel that is killed comes back, nothing that was accepted is lost', async () => {
    const gw = await start(`${BYSTANDERS}[channel own]\ntype = webchat\nagent = echo\n` +
        `require_origin = no\nrate = 0\n${QUICK}`);

    try {
        await unharmed(gw, async () => {
            const chat = await Chat.open(gw, 'own');
            for (let i = 0; i < 5; i++) await chat.say(`k${i}`);
            const was = pidOf(gw, 'own');
            process.kill(was, 'SIGKILL');
            await until(() => chat.closed, 'the end of the connection', 10000);
            await until(() => ![0, was].includes(pidOf(gw, 'own')), 'another process', 10000);
            const back = await until(() => Chat.open(gw, 'own', { hello: {
                resume: chat.welcome.resume } }).catch(() => null), 'coming back', 10000);
            assert.equal(back.welcome.session, chat.welcome.session);
            for (let i = 0; i < 5; i++)
                await back.next(f => f.type === 'message' && f.text === `k${i}`, 20000);
            await talk(back, 'again', 'again');
        });
    } finally {
        await gw.close();
    }
});

for (const [how, sentence] of [['spin', /has not answered for 300 ms .*isolate_hang/],
                               ['SIGSTOP', /has not answered for 300 ms .*isolate_hang/]]) {
    test(`row 18: a plugin that hangs (${how}) is ended and started again`, async () => {
        const every = how === 'spin' ? 2 : 1000;
        const gw = await start(`${BYSTANDERS}[channel bad]\ntype = webchat\nagent = bad\n` +
            `require_origin = no\n\n[agent bad]\ntype = unruly\ndoes = spin\nevery = ${every}\n` +
            `${QUICK}isolate_hang = 300ms\n`);

        try {
            await unharmed(gw, async () => {
                const chat = await Chat.open(gw, 'bad');
                await talk(chat, 'one', 'again: one');
                if (how === 'SIGSTOP') process.kill(pidOf(gw, 'bad'), 'SIGSTOP');
                await talk(chat, 'two', 'again: two');
                assert.ok(losses(gw, 'bad') >= 1);
                assert.match(gw.log, sentence);
            });
        } finally {
            await gw.close();
        }
    });
}

test('row 19: a plugin that leaks ends at isolate_memory', {
    skip: sanitized && 'a sanitizer takes more addresses than any limit' }, async () => {
    const gw = await start(`${BYSTANDERS}[channel bad]\ntype = webchat\nagent = bad\n` +
        `require_origin = no\n\n[agent bad]\ntype = unruly\ndoes = leak\nevery = 2\n${QUICK}` +
        'isolate_memory = 64M\n');

    try {
        const before = rssOf(gw.pid);
        await unharmed(gw, async () => {
            const chat = await Chat.open(gw, 'bad');
            await talk(chat, 'one', 'again: one');
            await talk(chat, 'two', 'again: two');
            assert.ok(losses(gw, 'bad') >= 1);
            assert.match(gw.log, /raise isolate_memory/);
        });
        assert.ok(rssOf(gw.pid) < before + 20000, 'the daemon does not grow with it');
    } finally {
        await gw.close();
    }
});

test('row 19: a plugin that floods is ended, and the flood is bounded', async () => {
    const gw = await start(`${BYSTANDERS}[channel bad]\ntype = unruly\ndoes = flood\nagent = echo\n` +
        'isolate = yes\nisolate_restart = 300ms\nisolate_hang = 60s\n');

    try {
        await unharmed(gw, () => until(() => losses(gw, 'bad') >= 1, 'the end of the flood', 20000));
        assert.match(gw.log, /handed in more than .*rule 11/);
        if (!sanitized) assert.ok(rssOf(gw.pid) < 200000, `${rssOf(gw.pid)} KiB`);
    } finally {
        await gw.close();
    }
});

test('an isolated plugin reaches nothing that belongs to others', async () => {
    const gw = new Gateway({
        conf: '[channel bad]\ntype = unruly\ndoes = escape\nagent = echo\nisolate = yes\n' +
            'theirs = ${THEIRS}\n[agent echo]\ntype = echo\n',
        pluginDirs: ['channels/.libs', 'plugins/.libs', 'tests/plugins/apart/.libs']
            .map(dir => join(builddir, dir)),
        env: { TANDEM_CANARY: 'kept from it' },
    });

    try {
        gw.options.env.THEIRS = join(gw.dir, 'other.secret');
        writeFileSync(gw.options.env.THEIRS, 'not yours', { mode: 0o600 });
        await gw.start();
        await until(() => gw.log.includes('tried it all'), 'its tries', 10000);
        assert.doesNotMatch(gw.log, /escaped/);
    } finally {
        await gw.close();
    }
});

test('a thousand crashes leave the memory and the descriptors of the daemon as they were',
     crashes, async () => {
    const bad = n => `[channel bad${n}]\ntype = unruly\nagent = echo\nisolate = yes\n` +
        'isolate_restart = 1ms\nisolate_restart_max = 1ms\n\n';
    const gw = await start(BYSTANDERS + [1, 2, 3, 4].map(bad).join(''), { log_level: 'error' });
    const crashes = () => [1, 2, 3, 4].reduce((n, i) => n + losses(gw, `bad${i}`), 0);
    const wanted = sanitized ? 100 : 1000;

    try {
        await until(() => sleep(100).then(() => crashes() > 100), 'the first 100', 20000);
        const rss = rssOf(gw.pid), fds = fdsOf(gw.pid);
        await until(() => sleep(100).then(() => crashes() >= 100 + wanted), 'all of them', 60000);
        assert.ok(rssOf(gw.pid) < rss + 1024, `${rss} KiB, then ${rssOf(gw.pid)} KiB`);
        assert.ok(Math.abs(fdsOf(gw.pid) - fds) <= 16, `${fds} descriptors, then ${fdsOf(gw.pid)}`);
        await gw.stop();
    } finally {
        await gw.close();
    }
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
    test(`no process is left behind when the daemon ends by ${signal}`, async () => {
        const gw = await start('[channel web]\ntype = webchat\nagent = echo\nisolate = yes\n\n' +
            '[agent echo]\ntype = echo\nisolate = yes\n');
        const children = childrenOf(gw.pid);

        try {
            assert.equal(children.length, 2);
            await gw.stop(signal);
            await until(() => children.every(pid => !existsSync(`/proc/${pid}`)), 'their end', 10000);
        } finally {
            await gw.close();
        }
    });
}
