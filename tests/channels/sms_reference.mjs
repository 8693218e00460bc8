/**
 * sms_reference.mjs - the bytes we send, beside those of Kannel for the same texts to the same SMSC, and
 * as tshark reads them: two that have nothing of ours and nothing of npm smpp.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { sleep, until } from '../lib/gateway.mjs';
import { start } from '../lib/sms.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const has = (program, arg) => !spawnSync(program, [arg], { timeout: 10000 }).error;
const BEARERBOX = ['/usr/sbin/bearerbox', 'bearerbox'].find(p => has(p, '--version'));
const SMSBOX = BEARERBOX?.replace('bearerbox', 'smsbox');
const CUSTOMER = '4511223344';

const noPeer = smpp ? false : 'npm smpp is not installed';
const noKannel = noPeer || (BEARERBOX ? false : 'kannel is not installed (Debian: kannel)');
const noTshark = noPeer || (has('tshark', '-v') && has('text2pcap', '-v') ? false : 'tshark is not installed (Debian: tshark)');

/** What the customer writes, and our agent says back. */
const ucs2 = text => ({ data_coding: 8, short_message: '', message_payload: Buffer.from(text, 'utf16le').swap16() });

/** So many free ports. */
async function freePorts(n) {
    const servers = await Promise.all(Array.from({ length: n }, () => new Promise(done => {
        const server = createServer().listen(0, '127.0.0.1', () => done(server));
    })));
    const ports = servers.map(s => s.address().port);
    await Promise.all(servers.map(s => new Promise(done => s.close(done))));
    return ports;
}

/** Kannel's two boxes, bound to this SMSC; send() is its HTTP interface. */
class Kannel {
    static async start(smsc, dir) {
        const kannel = new Kannel(), [admin, box, http] = await freePorts(3);
        kannel.http = http;
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, 'kannel.conf'), `group = core
admin-port = ${admin}
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = ${box}
smsbox-interface = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = smpp
host = 127.0.0.1
port = ${smsc.port}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
source-addr-ton = 3
source-addr-npi = 0
source-addr-autodetect = no
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${http}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = u
password = p
concatenation = true
max-messages = 10
`);
        kannel.children = [];
        process.on('exit', () => kannel.children.forEach(child => child.kill('SIGKILL')));
        kannel.run(BEARERBOX, dir);
        await until(() => smsc.sessions.some(s => s.systemId === 'kannel'), 'the bind of Kannel', 20000);
        kannel.run(SMSBOX, dir);
        await until(() => fetch(`http://127.0.0.1:${http}/`).then(() => true, () => false), 'smsbox', 20000);
        return kannel;
    }

    run(program, dir) {
        this.children.push(spawn(program, [join(dir, 'kannel.conf')], { stdio: 'ignore' }));
    }

    /** dlr-mask 1: a receipt is asked for, as we do. */
    async send(text, more = {}) {
        const query = new URLSearchParams({ username: 'u', password: 'p', from: '12345', to: `+${CUSTOMER}`,
            charset: 'UTF-8', 'dlr-mask': '1', 'dlr-url': 'http://127.0.0.1:1/', ...more, text });
        const udh = more.udh ? `&udh=${more.udh.replace(/../g, '%$&')}` : '';
        query.delete('udh');
        const res = await fetch(`http://127.0.0.1:${this.http}/cgi-bin/sendsms?${query}${udh}`);
        assert.equal(res.status, 202, await res.text());
    }

    async stop() {
        for (const child of this.children.reverse()) {
            const ended = new Promise(done => child.once('exit', done));
            child.kill('SIGKILL');
            await ended;
        }
    }
}

/** The fields of a submit_sm that both must have alike. */
const fields = pdu => ({
    service_type: pdu.service_type, source_addr_ton: pdu.source_addr_ton, source_addr_npi: pdu.source_addr_npi,
    source_addr: pdu.source_addr, dest_addr_ton: pdu.dest_addr_ton, dest_addr_npi: pdu.dest_addr_npi,
    destination_addr: pdu.destination_addr,
    /* 5.2.12: Kannel says "store and forward" (3) where we leave the mode to the SMSC (0). */
    esm_class: pdu.esm & ~3, protocol_id: pdu.protocol_id, priority_flag: pdu.priority_flag,
    schedule_delivery_time: pdu.schedule_delivery_time, validity_period: pdu.validity_period,
    /* Kannel asks for the receipt of the first part alone, we for that of each: some SMSCs send that of
     * the last only (dlr = all). */
    registered_delivery: pdu.udh.length > 0 && pdu.udh.at(-1) > 1 ? null : pdu.registered_delivery, replace_if_present_flag: pdu.replace_if_present_flag,
    data_coding: pdu.data_coding, sm_default_msg_id: pdu.sm_default_msg_id,
    /* The reference of the parts is each one's own; it stands before the last two octets. */
    udh: pdu.udh.toString('hex').replace(/^(050003|060804)(..|....)(....)$/, '$1-$3'),
    body: pdu.body.toString('hex'),
});

describe('beside Kannel', { skip: noKannel }, () => {
    let gw, smsc, kannel;

    before(async () => {
        smsc = await Smsc.start();
        ({ gw } = await start({ tps: 1000 }, smsc));
        await until(() => smsc.sessions.some(s => s.systemId === 'acme'), 'our bind');
        kannel = await Kannel.start(smsc, join(gw.dir, 'kannel'));
    });
    after(async () => { await kannel?.stop(); await gw?.close(); await smsc?.stop(); });

    const of = systemId => smsc.submits.filter(s => s.session.systemId === systemId);

    /** The same text by both: the submit_sm of each. */
    async function both(text, n, more = {}) {
        const from = { acme: of('acme').length, kannel: of('kannel').length };
        const ours = smsc.sessions.find(s => s.systemId === 'acme');
        await smsc.deliver(ucs2(text), ours);
        await kannel.send(text, more);
        await until(() => Object.entries(from).every(([id, k]) => of(id).length >= k + n), `${n} parts of each`, 10000)
            .catch(e => assert.fail(`${e.message}: ${of('acme').length - from.acme} of ours, ${of('kannel').length - from.kannel} of Kannel`));
        await sleep(50); // no more than these
        return [of('acme').slice(from.acme), of('kannel').slice(from.kannel)];
    }

    for (const [what, text, n, more] of [
        ['the basic alphabet', 'Hello @ £$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0:;<=>?¡ÄÖÑÜ§¿äöñüà', 1],
        ['the extension', 'a €, [b] {c} \\ d~e^f|', 1],
        ['160 letters', 'a'.repeat(160), 1],
        ['161 letters, by a reference of 8 bits', 'b'.repeat(161), 2],
        ['three parts', 'The quick brown fox jumps over the lazy dog. '.repeat(9).trim(), 3],
        ['an escape where a part ends', 'a'.repeat(152) + '€' + 'c'.repeat(8), 2],
        ['UCS-2', 'Привет, как дела?', 1, { coding: '2' }],
        ['70 letters of UCS-2', 'я'.repeat(70), 1, { coding: '2' }],
        ['71 letters of UCS-2, in parts', 'я'.repeat(71), 2, { coding: '2' }],
        ['emoji in one part', 'да 😀', 1, { coding: '2' }],
    ]) {
        test(`${what}: the same, field by field`, async () => {
            const [ours, theirs] = await both(text, n, more);
            assert.deepEqual(ours.map(fields), theirs.map(fields));
            assert.ok(ours.every(pdu => pdu.registered_delivery === 1));
        });
    }

    test('an emoji where a part ends: Kannel cuts it in two, we do not; together it is the same', async () => {
        const text = 'я'.repeat(66) + '😀' + 'я'.repeat(5);
        const [ours, theirs] = await both(text, 2, { coding: '2' });
        const lengths = pdus => pdus.map(p => p.body.length / 2), whole = pdus => Buffer.concat(pdus.map(p => p.body)).toString('hex');
        assert.deepEqual(lengths(theirs), [67, 6]);
        assert.equal(theirs[0].body.readUInt16BE(132) & 0xfc00, 0xd800);
        assert.deepEqual(lengths(ours), [66, 7]);
        assert.equal(whole(ours), whole(theirs));
        const rest = pdu => ({ ...fields(pdu), body: null });
        assert.deepEqual(ours.map(rest), theirs.map(rest));
    });

    test('references of 16 bits, which Kannel sends when it is given the header', async () => {
        const own = await Smsc.start();
        const { gw: other } = await start({ tps: 1000, long_messages: 'udh16' }, own);
        await own.bound();
        await own.say('d'.repeat(200));
        const ours = await own.submitted(2), from = of('kannel').length;
        for (const pdu of ours)
            await kannel.send(pdu.body.toString('latin1'), { udh: pdu.udh.toString('hex'), coding: '0' });
        await until(() => of('kannel').length === from + 2, 'both parts of Kannel', 10000);
        const theirs = of('kannel').slice(from);
        assert.match(ours[0].udh.toString('hex'), /^060804....0201$/);
        assert.deepEqual(ours.map(fields), theirs.map(fields));
        assert.deepEqual(ours.map(p => p.udh.toString('hex')), theirs.map(p => p.udh.toString('hex')));
        await other.close();
        await own.stop();
    });
});

/** What tshark reads out of PDUs that went to an SMSC; a row for each. */
function dissect(dir, pdus, names) {
    const hex = pdus.map(pdu => pdu.raw.toString('hex').match(/.{1,32}/g).map((line, i) =>
        `${(i * 16).toString(16).padStart(6, '0')} ${line.match(/../g).join(' ')}`).join('\n')).join('\n');
    writeFileSync(join(dir, 'pdus.hex'), `${hex}\n`);
    const made = spawnSync('text2pcap', ['-q', '-T', '40000,2775', join(dir, 'pdus.hex'), join(dir, 'pdus.pcap')], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const read = spawnSync('tshark', ['-n', '-r', join(dir, 'pdus.pcap'), '-d', 'tcp.port==2775,smpp', '-T', 'fields',
        '-E', 'separator=\t', ...[...names, '_ws.malformed'].flatMap(name => ['-e', name])], { encoding: 'utf8' });
    assert.equal(read.status, 0, read.stderr);
    return read.stdout.trimEnd().split('\n').map(line => line.split('\t'));
}

test('tshark reads our PDUs as they were meant', { skip: noTshark }, async () => {
    const { gw, smsc } = await start({ tps: 1000, enquire_link: '200ms' });
    await smsc.bound();
    for (const [text, n] of [['plain @ €', 1], ['a'.repeat(161), 3], ['я'.repeat(71), 5], ['😀', 6]]) {
        await smsc.deliver(ucs2(text));
        await smsc.submitted(n);
    }
    await until(() => smsc.pdus.some(p => p.command === 'enquire_link'), 'an enquire_link');
    const hexOf = n => `0x${n.toString(16).padStart(8, '0')}`;

    const all = smsc.pdus.filter(p => p.session.systemId === 'acme' || p.command.startsWith('bind'));
    const heads = dissect(gw.dir, all, ['smpp.command_id', 'smpp.command_length', 'smpp.sequence_number', 'smpp.command_status']);
    assert.deepEqual(heads.map(([id, length, sequence, , malformed]) => [id, Number(length), Number(sequence), malformed ?? '']),
                     all.map(p => [hexOf(p.command_id), p.raw.length, p.sequence_number, '']));

    const rows = dissect(gw.dir, smsc.submits, ['smpp.source_addr', 'smpp.source_addr_ton', 'smpp.destination_addr',
        'smpp.dest_addr_ton', 'smpp.dest_addr_npi', 'smpp.data_coding', 'smpp.sm_length', 'smpp.message', 'smpp.esm.submit.features',
        'smpp.regdel.receipt']);
    for (const [i, [source, sourceTon, dest, destTon, destNpi, coding, length, message, features, receipt]] of rows.entries()) {
        const pdu = smsc.submits[i];
        assert.deepEqual([source, Number(sourceTon), dest, Number(destTon), Number(destNpi)],
                         ['12345', 3, CUSTOMER, 1, 1]);
        assert.equal(Number(coding), pdu.data_coding);
        assert.equal(Number(length), pdu.bytes.length);
        assert.equal(message, pdu.bytes.toString('hex'));
        assert.equal(Number(features), pdu.udh.length ? 1 : 0, 'UDHI');
        assert.equal(Number(receipt), 1);
    }
    await gw.close();
    await smsc.stop();
});
