/**
 * sms_perl.mjs - SMPP against a second SMSC that nobody here wrote: Perl's Net::SMPP.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';

import { Desk } from '../lib/desk.mjs';
import { Front } from '../lib/front.mjs';
import { Gateway, srcdir, until } from '../lib/gateway.mjs';

const skip = spawnSync('perl', ['-MNet::SMPP', '-e1']).status === 0
    ? false : 'Net::SMPP is not installed (Debian: libnet-smpp-perl)';
const CUSTOMER = '4511223344';
const ESCAPES = { 0x0a: '\n', 0x65: '€' };

/** The SMSC's process: what it says, and orders to it. */
class PerlSmsc {
    static async start() {
        const smsc = new PerlSmsc();
        smsc.port = (await until(() => smsc.said.find(line => line.port), 'the port of the SMSC')).port;
        return smsc;
    }

    constructor() {
        this.said = [];
        this.child = spawn('perl', [join(srcdir, 'tests/lib/smsc_net_smpp.pl')],
                           { stdio: ['pipe', 'pipe', 'inherit'] });
        process.on('exit', () => this.child.kill('SIGKILL'));
        createInterface({ input: this.child.stdout }).on('line', line => this.said.push(JSON.parse(line)));
    }

    order(order, more = {}) { this.child.stdin.write(`${JSON.stringify({ order, ...more })}\n`); }

    pdus(name) { return this.said.filter(line => line.pdu === name); }

    nth(name, n) { return until(() => this.pdus(name)[n - 1], `${name} number ${n}`, 10000); }

    /** A deliver_sm, and its response. */
    async deliver(fields) {
        const n = this.pdus('deliver_sm_resp').length;
        this.order('deliver', { source_addr: CUSTOMER, ...fields,
                                short_message: Buffer.from(fields.short_message).toString('hex') });
        return this.nth('deliver_sm_resp', n + 1);
    }

    say(text) { return this.deliver({ data_coding: 0, short_message: Buffer.from(text) }); }

    receipt(id, stat) {
        return this.deliver({ esm_class: 4, short_message: Buffer.from(
            `id:${id} sub:001 dlvrd:001 submit date:2611230600 done date:2611230600 stat:${stat} err:000 text:`) });
    }

    async stop() {
        const ended = new Promise(done => this.child.once('exit', done));
        this.child.stdin.end();
        await ended;
    }
}

/** What a customer's telephone shows of the submit_sm, from its bytes alone. */
function shown(pdu) {
    const bytes = Buffer.from(pdu.short_message, 'hex');
    const body = bytes.subarray(pdu.esm_class & 0x40 ? bytes[0] + 1 : 0);
    if (pdu.data_coding === 8) return Buffer.from(body).swap16().toString('utf16le');
    return body.toString('latin1').replace(/\x1b(.)/g, (_, c) => ESCAPES[c.charCodeAt(0)] ?? c);
}

describe('Net::SMPP as SMSC', { skip }, () => {
    let gw, smsc, front, mia;

    before(async () => {
        smsc = await PerlSmsc.start();
        front = await Front.start();
        gw = await Gateway.start({ tandem: { admin_token: 'operator' }, conf: `[channel sms]
type = sms_smpp
host = 127.0.0.1
port = ${smsc.port}
system_id = acme
password = secret
source = 12345
reconnect = 100ms
enquire_link = 300ms
agent = front
queue = help
${front.conf(`[desk support]
type = web
[queue help]
desk = support
[queue billing]
desk = support
[human mia]
name = Mia
token = token-mia
desks = support
`)}` });
        mia = new Desk(gw, 'token-mia');
        await mia.presence();
    });
    after(async () => { await gw?.close(); await smsc?.stop(); await front?.stop(); });

    const texts = () => smsc.pdus('submit_sm').filter(pdu => pdu.id).map(shown);
    const hears = text => until(() => texts().includes(text), `"${text}"`, 10000);
    const state = async () => {
        const get = path => fetch(`${gw.url}/api/v1${path}`, { headers: { Authorization: 'Bearer operator' } });
        const [{ id }] = (await (await get('/sessions')).json()).sessions;
        return (await (await get(`/sessions/${id}/journal`)).text()).trim().split('\n')
            .map(line => JSON.parse(line)).findLast(r => r.type === 'delivery')?.status;
    };

    test('it binds with the fields of the conf', async () => {
        const bind = await smsc.nth('bind_transceiver', 1);
        assert.deepEqual([bind.system_id, bind.password, bind.interface_version, bind.seq],
                         ['acme', 'secret', 0x34, 1]);
    });

    test('each asks the other for a sign of life and gets it', async () => {
        await smsc.nth('enquire_link', 2); // it goes on only when the first was answered
        smsc.order('enquire_link');
        assert.equal((await smsc.nth('enquire_link_resp', 1)).status, 0);
    });

    test('a message comes in and its answer goes out, with a receipt', async () => {
        assert.equal((await smsc.say('hello')).status, 0);
        await hears('re: hello');
        const pdu = smsc.pdus('submit_sm').at(-1);
        assert.deepEqual([pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi, pdu.destination_addr,
                          pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.registered_delivery, pdu.data_coding],
                         ['12345', 3, 0, CUSTOMER, 1, 1, 1, 0]);
        assert.equal((await smsc.receipt(pdu.id, 'DELIVRD')).status, 0);
        await until(async () => await state() === 3, 'the receipt in the journal', 10000);
    });

    test('long texts arrive whole, of both alphabets, in parts that say so', async () => {
        for (const text of ['a'.repeat(400), 'я'.repeat(130) + '😀']) {
            const from = smsc.pdus('submit_sm').length;
            front.answers = { messages: [{ text }] };
            await smsc.say('scripted');
            await until(() => texts().slice(from).join('') === text, 'the whole text', 10000);
            const parts = smsc.pdus('submit_sm').slice(from);
            assert.equal(parts.length, text[0] === 'a' ? 3 : 2);
            parts.forEach((pdu, i) => {
                assert.equal(pdu.esm_class, 0x40);
                assert.match(pdu.short_message, new RegExp(`^050003..0${parts.length}0${i + 1}`));
            });
        }
    });

    test('a throttled message is sent again and arrives once', async () => {
        smsc.order('refuse');
        await smsc.say('more');
        await hears('re: more');
        const refused = smsc.pdus('submit_sm').filter(pdu => !pdu.id);
        assert.equal(refused.length, 1);
        assert.equal(texts().filter(text => text === 're: more').length, 1);
    });

    test('an agent, a human and the agent again are one thread from one number', async () => {
        await smsc.say('a human, please');
        const handoff = await mia.waiting();
        assert.equal((await mia.post(`/handoffs/${handoff.id}/accept`)).status, 200);
        await mia.post(`/handoffs/${handoff.id}/messages`, { text: 'Mia here: 5 € off' }, { 'Idempotency-Key': 'm1' });
        await hears('Mia here: 5 € off');
        await smsc.say('thank you, Mia');
        await mia.post(`/handoffs/${handoff.id}/return`, { note: 'done' });
        await until(async () => (await mia.list('live')).length === 0, 'the return');
        await smsc.say('and now?');
        await hears('re: and now?');
        assert.deepEqual([...new Set(smsc.pdus('submit_sm').map(p => `${p.source_addr}>${p.destination_addr}`))],
                         [`12345>${CUSTOMER}`]);
    });

    test('it unbinds when it goes', async () => {
        await gw.stop();
        await smsc.nth('unbind', 1);
    });
});
