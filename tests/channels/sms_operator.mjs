/**
 * sms_operator.mjs - what an operator sees of SMPP: events with a sentence, the line of
 * `tandemctl channels`, and how a text is cut.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { builddir, until } from '../lib/gateway.mjs';
import { counted, start } from '../lib/sms.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = smpp ? false : 'npm smpp is not installed';

const ctl = (gw, ...args) => spawnSync(join(builddir, 'tandemctl'),
    ['-s', join(gw.dir, 'control'), ...args], { encoding: 'utf8' });

/** `tandemctl tail`, running: what it printed of notices so far. It reads once it has printed a reload. */
async function tail(gw) {
    const child = spawn(join(builddir, 'tandemctl'),
                        ['-s', join(gw.dir, 'control'), 'tail', '--type', 'notice,reload']);
    const ended = new Promise(done => child.on('close', done));
    const self = { out: '', stop: () => { child.kill('SIGINT'); return ended; } };
    child.stdout.on('data', data => { self.out += data; });
    self.prints = (pattern, what) => until(() => pattern.exec(self.out)?.[0], `${what} in: ${self.out}`, 10000);
    await until(() => {
        ctl(gw, 'reload');
        return / reload /.test(self.out);
    }, 'the tail', 20000);
    return self;
}

for (const isolate of ['no', 'yes']) {
    describe(`events, isolate = ${isolate}`, { skip }, () => {
        test('wrong credentials: what to check, when it tries again, and nothing secret', async () => {
            const smsc = await Smsc.start();
            smsc.onBind = () => 0x0e;
            const { gw } = await start({ isolate }, smsc);
            const log = await tail(gw);
            const line = await log.prints(/^.*what=bind_refused.*$/m, 'the refusal');
            assert.match(line, /^\S+Z notice +- sms - what=bind_refused text=127\.0\.0\.1 refused the bind of system_id acme with ESME_RINVPASWD \(0x0e\): check system_id, password and what the account may bind as; the next try is in about 400 ms$/);
            assert.doesNotMatch(log.out + gw.log, /secret/);
            smsc.onBind = () => 0;
            await log.prints(/what=bound text=bound to 127\.0\.0\.1 port \d+$/m, 'the bind');
            await log.stop();
            await gw.close();
            await smsc.stop();
        });

        test('throttling and the loss of a bind, and that it is there again', async () => {
            const { gw, smsc } = await start({ isolate });
            const log = await tail(gw);
            let throttle = 1;
            await smsc.bound();
            smsc.onSubmit = () => (throttle-- > 0 ? { command_status: 0x58 } : {});
            await smsc.say('slower, please');
            await log.prints(/what=throttled text=the provider has too much \(ESME_RTHROTTLED\): nothing goes for a second, then 10 of 20 parts a second/, 'the throttling');
            await smsc.submitted(1);
            smsc.drop();
            await log.prints(/what=bind_lost text=.*; the next try is in about 100 ms/, 'the loss');
            await log.prints(/what=bound /, 'the bind');
            assert.equal(log.out.match(/what=throttled/g).length, 1);
            await log.stop();
            await gw.close();
            await smsc.stop();
        });
    });
}

test('the events of the API say the same, and who reads them may ask for notices alone', { skip }, async () => {
    const { gw, smsc } = await start();
    const reading = new AbortController();
    let events = '';
    await smsc.bound();
    const res = await fetch(`${gw.url}/api/v1/events?type=notice&channel=sms`, {
        headers: { Authorization: 'Bearer operator' }, signal: reading.signal });
    assert.equal(res.status, 200);
    (async () => { for await (const chunk of res.body.pipeThrough(new TextDecoderStream())) events += chunk; })()
        .catch(() => {});
    smsc.drop();
    await until(() => events.includes('"bound"'), 'the events', 10000);
    const [lost, bound] = events.split('\n').filter(l => l.startsWith('data: ')).map(l => JSON.parse(l.slice(6)));
    assert.deepEqual([lost.type, lost.channel, lost.facts.what], ['notice', 'sms', 'bind_lost']);
    assert.deepEqual([bound.facts.what, bound.facts.text], ['bound', `bound to 127.0.0.1 port ${smsc.port}`]);
    reading.abort();
    await gw.close();
    await smsc.stop();
});

test('tandemctl channels: binds, window, rate, parked receipts, opted out; why a bind is down', { skip }, async () => {
    const { gw, smsc } = await start({ window: 7, tps: 30 });
    const detail = () => JSON.parse(ctl(gw, '--json', 'channels').stdout).channels[0].detail;
    await smsc.bound();
    await smsc.say('STOP');
    await smsc.submitted(1);
    assert.equal((await smsc.receipt('nobody', 'DELIVRD')).command_status, 0);
    await counted(gw, 'receipts');
    smsc.onSubmit = () => null; // it does not answer
    await smsc.say('are you there?', { source_addr: '4500000001' });
    await until(() => detail() === 'bound 1 of 1, in flight 1 of 7, 30/s of 30, waiting 1, receipts parked 1, opted out 1',
                'the line').catch(error => assert.fail(`${error.message}: ${detail()}`));
    assert.match(ctl(gw, 'channels').stdout, /sms .*bound 1 of 1, in flight 1 of 7/);
    const kept = await until(() => ctl(gw, 'kept', 'sms', 'o/').stdout.trim(), 'what is kept');
    const [entry] = kept.split('\n').map(l => JSON.parse(l));
    assert.equal(entry.key, 'o/*/+4511223344');
    assert.equal(JSON.parse(entry.value).by, 'customer');
    smsc.onBind = () => 0x0e;
    smsc.drop();
    await until(() => /^bound 0 of 1.*refused the bind/.test(detail()), 'the reason');
    await gw.close();
    await smsc.stop();
});

test('after a thousand messages of customers the provider is asked for a sign of life, so that they need not be remembered', { skip }, async () => {
    const { gw, smsc } = await start({ enquire_link: '1h', tps: 1000, window: 1000 });
    const enquired = () => smsc.pdus.filter(p => p.command === 'enquire_link').length;
    const kept = () => ctl(gw, 'kept', 'sms', 'd/').stdout.trim().split('\n').length;
    await smsc.bound();
    for (let n = 0; n < 1000; n += 500)
        await Promise.all(Array.from({ length: n ? 499 : 500 }, (_, i) =>
            smsc.say(`number ${n + i}`, { source_addr: `45000000${10 + i % 50}` })));
    assert.equal(enquired(), 0);
    assert.equal(kept(), 999);
    await smsc.say('the last of them');
    await until(() => enquired() === 1, 'an enquire_link');
    await until(() => kept() === 1, 'the end of what it has read', 10000);
    await gw.close();
    await smsc.stop();
});

test('tandemctl sms segments: the alphabet, the parts, and which letter is to blame', { skip }, async () => {
    const segments = text => spawnSync(join(builddir, 'tandemctl'), ['sms', 'segments', text], { encoding: 'utf8' }).stdout;
    assert.match(segments('a'.repeat(161)), /^GSM 7-bit, 161 septets, 2 parts of at most 153\n  1: 153 /);
    assert.match(segments('fa\u00e7ade'), /^UCS-2, 6 .*, 1 part of at most 70\nUCS-2 because of "\u00e7" \(U\+00E7\)/);
});
