/**
 * sms_handoff.mjs - a whole conversation over SMPP: an agent, a human, one thread from one number.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Bot } from '../lib/bot.mjs';
import { Desk, MIA } from '../lib/desk.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = smpp ? false : 'npm smpp is not installed';
const LONG = 'я'.repeat(66) + '😀' + 'я'.repeat(66) + 'конец, и это всё'; // an emoji where a part ends

/** An agent that says what the customer said, something long, or that a human is wanted. */
const agent = () => Bot.start((_, res, body) => {
    const text = body.messages.map(m => m.text).join(' + ');
    return text.includes('human')
        ? { decision: 'escalate', messages: [],
            escalate: { code: 'customer_request', text: 'The customer asks for a human.' } }
        : text.includes('choose')
            ? { messages: [{ text: 'Which one?', choices: [{ title: 'Red', value: 'r' },
                                                            { title: 'Blue', value: 'b' }] }] }
            : text.includes('long') ? LONG
            : body.messages.at(-1).choice ? `chosen: ${body.messages.at(-1).choice}` : `re: ${text}`;
});

const conf = (smsc, front) => `
${smsc.conf('sms', `agent = front
queue = help
tps = 1000
window = 100`)}
[agent front]
type = http
url  = ${front.url}
${MIA}`;

test('a customer, an agent, a human and the agent again are one thread from one number', { skip }, async () => {
    const smsc = await Smsc.start(), front = await agent();
    const gw = await Gateway.start({ conf: conf(smsc, front) });
    const mia = new Desk(gw, 'token-mia');
    await smsc.bound();
    const heard = () => smsc.submits.map(s => s.data_coding === 8
        ? Buffer.from(s.body).swap16().toString('utf16le') : s.body.toString('latin1'));
    const hears = (text, what = text) => until(() => heard().join('').includes(text), `"${what}"`, 10000);
    try {
        await mia.presence();
        await smsc.say('something long, please');
        await hears(LONG, 'the long answer');
        const parts = smsc.submits.filter(s => s.data_coding === 8);
        assert.equal(parts.length, 3);
        for (const p of parts) { // no half of a pair at either end
            assert.ok((p.body.readUInt16BE(0) & 0xfc00) !== 0xdc00);
            assert.ok((p.body.readUInt16BE(p.body.length - 2) & 0xfc00) !== 0xd800);
        }
        await smsc.say('let me choose');
        await hears('1. Red\n2. Blue');
        await smsc.say('2');
        await hears('chosen: b');
        await smsc.say('a human, please');
        const handoff = await mia.waiting();
        assert.equal((await mia.post(`/handoffs/${handoff.id}/accept`)).status, 200);
        assert.equal((await mia.post(`/handoffs/${handoff.id}/messages`, { text: 'Mia here.' },
                                     { 'Idempotency-Key': 'm1' })).status < 300, true);
        await hears('Mia here.');
        await smsc.say('thank you, Mia');
        assert.ok((await mia.post(`/handoffs/${handoff.id}/return`, { note: 'done' })).status < 300);
        await until(async () => (await mia.list('live')).length === 0, 'the return');
        await smsc.say('and now?');
        await hears('re: ');
        await until(() => heard().some(t => t.includes('and now?')), 'the agent again', 10000);
        assert.deepEqual([...new Set(smsc.submits.map(s => `${s.source_addr}>${s.destination_addr}`))],
                         ['12345>4511223344']);
    } finally {
        await gw.close();
        await smsc.stop();
        front.stop();
    }
});
