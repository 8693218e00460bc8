/**
 * sms_shared.mjs - what holds whichever channel of short messages a customer is reached by: a STOP to a brand or to a
 * sender, and quiet hours.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { Bot } from '../lib/bot.mjs';
import { Gateway, builddir, sleep, until } from '../lib/gateway.mjs';
import { SmsProvider, api, becomes, missing, said, somebody } from '../lib/sms_provider.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = missing || (smpp ? false : 'npm smpp is not installed');
const ECHO = '[agent front]\ntype = echo\n';
const BRAND = 'agent = front\nconsent_scope = brand\nbrand = Havn\n';

const kept = gw => spawnSync(join(builddir, 'tandemctl'), ['-s', join(gw.dir, 'control'), 'kept', '@consent', 'o/'],
                             { encoding: 'utf8' }).stdout.trim().split('\n').filter(l => l).map(l => JSON.parse(l));

test('a STOP to the brand holds on every channel, over a restart, until a START on any of them', { skip }, async () => {
    const smsc = await Smsc.start(), provider = await SmsProvider.start('twilio');
    const gw = await Gateway.start({ tandem: { admin_token: 'operator' },
        conf: `${smsc.conf('smpp', BRAND)}\n${provider.conf('sms', BRAND)}\n${ECHO}` });
    const who = somebody();
    const bySmpp = text => smsc.say(text, { source_addr: who.slice(1) });
    try {
        await smsc.bound();
        await provider.say(gw, who, 'hello');
        await provider.hears(who, 'hello');
        assert.equal((await bySmpp('Stop')).command_status, 0);
        await until(() => smsc.heard(who.slice(1)).some(t => /no more messages/.test(t)), 'the confirmation');
        await provider.say(gw, who, 'still there?');
        await becomes(gw, who, 'failed', /^opted_out/);
        assert.deepEqual(provider.heard(who), ['hello']);
        await gw.kill();
        await gw.start();
        await smsc.bound();
        await provider.say(gw, who, 'and after a restart?');
        await becomes(gw, who, 'failed', /^opted_out/);
        const [pair] = kept(gw), value = JSON.parse(pair.value);
        assert.equal(pair.key, `o/=Havn/${who}`);
        assert.deepEqual([value.peer, value.by, value.channel, value.tell], [who, 'customer', 'smpp', undefined]);
        assert.deepEqual(smsc.heard(who.slice(1)).length, 1); // one confirmation, by the one channel
        await provider.say(gw, who, 'START');
        await provider.hears(who, 'our messages again');
        await bySmpp('hello again');
        await until(() => smsc.heard(who.slice(1)).includes('hello again'), 'an answer by SMPP');
        assert.deepEqual(kept(gw), []);
    } finally {
        await gw.close();
        await smsc.stop();
        await provider.stop();
    }
});

test('a STOP to a sender holds for that number on every channel, and for no other', { skip }, async () => {
    const [one, two] = [await SmsProvider.start('twilio'), await SmsProvider.start('vonage')];
    const keys = 'agent = front\nconsent_scope = sender\n', other = 'source = +4599999999';
    const gw = await Gateway.start({ tandem: { admin_token: 'operator' }, conf:
        `${one.conf('sms', keys)}\n${two.conf('two', keys)}\n` +
        `${two.conf('three', keys).replace(/source = .*/, other)}\n${ECHO}` });
    const who = somebody(), on = channel => ({ channel });
    try {
        await one.say(gw, who, 'STOP');
        await one.hears(who, 'no more messages');
        assert.deepEqual(kept(gw).map(p => p.key), [`o/4520202020/${who}`]);
        await two.say(gw, who, 'hello', {}, on('two'));
        await becomes(gw, who, 'failed', /^opted_out/);
        await two.say(gw, who, 'hello, other number', { to: '4599999999' }, on('three'));
        await two.hears(who, 'hello, other number');
        assert.deepEqual(two.heard(who), ['hello, other number']);
        await until(async () => (await api(gw, '/channels')).split('opted out 1').length === 4, 'what operators see', 5000);
    } finally {
        await gw.close();
        await one.stop();
        await two.stop();
    }
});

test('in quiet hours a message is held, also over a crash, and goes once when they are over', { skip }, async () => {
    const provider = await SmsProvider.start('twilio');
    const conf = keys => `${provider.conf('sms', `agent = front\n${keys}`)}\n${ECHO}`;
    const gw = await Gateway.start({ tandem: { admin_token: 'operator' },
                                     conf: conf('send_hours = never\nsend_answer = 0\nsend_zones = +46 UTC\n') });
    const [dane, swede] = [somebody(), '+46701234567'];
    const state = async who => (await said(gw, who)).map(m => m.state).join();
    try {
        await provider.say(gw, dane, 'at night');
        await provider.say(gw, swede, 'also at night');
        await until(async () => await state(dane) === 'queued' && await state(swede) === 'queued', 'two that wait');
        await provider.say(gw, dane, 'STOP'); // a wish is confirmed at any hour
        await provider.hears(dane, 'no more messages');
        await provider.say(gw, dane, 'START');
        await provider.hears(dane, 'again');
        await gw.kill();
        await gw.start();
        await until(async () => await state(swede) === 'queued', 'one that still waits');
        assert.deepEqual(provider.heard(swede), []);
        await gw.kill(); // the morning comes: the hours of the conf are those of now
        gw.options.conf = conf('send_hours = always\nsend_answer = 0\n');
        await gw.start();
        await Promise.all([provider.hears(dane, 'at night'), provider.hears(swede, 'also at night')]);
        await becomes(gw, swede, 'sent');
        assert.equal(provider.heard(swede).length, 1);
        assert.equal(provider.heard(dane).filter(t => t === 'at night').length, 1);
    } finally {
        await gw.close();
        await provider.stop();
    }
});

test('an answer within send_answer goes at any hour, a later one waits; after reply_window it is too late', { skip }, async () => {
    const provider = await SmsProvider.start('twilio');
    const bot = await Bot.start(async (_, res, body) => {
        const text = body.messages.map(m => m.text).join();
        if (text.includes('slow')) await sleep(1500);
        return `re: ${text}`;
    });
    const late = provider.conf('late', 'agent = front\nreply_window = 1s\n');
    const gw = await Gateway.start({ tandem: { admin_token: 'operator' }, conf:
        `${provider.conf('sms', 'agent = front\nsend_hours = never\nsend_answer = 1s\n')}\n${late}\n` +
        `[agent front]\ntype = http\nurl = ${bot.url}\n` });
    const [quick, slow, later] = [somebody(), somebody(), somebody()];
    try {
        await Promise.all([provider.say(gw, quick, 'at once'), provider.say(gw, slow, 'a slow one'),
                           provider.say(gw, later, 'a slow one', {}, { channel: 'late' })]);
        await provider.hears(quick, 're: at once');
        await becomes(gw, later, 'failed', /time in which this channel takes answers/);
        await until(async () => (await said(gw, slow)).length === 1, 'the late answer');
        assert.equal((await said(gw, slow))[0].state, 'queued');
        assert.deepEqual([...provider.heard(slow), ...provider.heard(later)], []);
    } finally {
        await gw.close();
        await provider.stop();
        bot.stop();
    }
});
