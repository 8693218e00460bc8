/**
 * sms_smpp.mjs - SMPP against an SMSC by npm `smpp`: the cases S01 to S28, and bad input.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import { builddir, sleep, until } from '../lib/gateway.mjs';
import { becomes, counted, journal, said, start } from '../lib/sms.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = smpp ? false : 'npm smpp is not installed';
const part = pdu => [pdu.udh.toString('hex'), pdu.body.length];
const udhRef = pdu => pdu.udh.subarray(-3, -2).toString('hex');

/** Part i is not here sooner than its ms after `since`; a late reader sees it later, never sooner. */
function assertNoSooner(submits, since, ms) {
    submits.forEach((s, i) => assert.ok(s.at - since >= ms(i) - 2, // two clocks in whole ms
        `part ${i} came after ${s.at - since} ms`));
}

describe('one gateway', { skip }, () => {
    let gw, smsc;

    before(async () => {
        ({ gw, smsc } = await start({ tps: 1000, dlr_settle: '200ms', concat_timeout: '1s' }));
        await smsc.bound();
    });
    after(async () => { await gw?.close(); await smsc?.stop(); });
    afterEach(() => { smsc.onSubmit = () => ({}); });

    let customers = 4570000000;
    const somebody = () => ({ source_addr: String(++customers) });

    /** What the customer gets back for a text. */
    async function echo(text, n = 1, options = {}) {
        const from = smsc.submits.length;
        const resp = await smsc.say(text, options);
        assert.equal(resp.command_status, 0);
        return (await smsc.submitted(from + n)).slice(from);
    }

    test('S01 it binds as a transceiver with system_id and password', () => {
        assert.equal(smsc.binds[0].command, 'bind_transceiver');
        assert.equal(smsc.binds[0].system_id, 'acme');
        assert.equal(smsc.binds[0].password, 'secret');
        assert.equal(smsc.binds[0].interface_version, 0x34);
    });

    test('S06 an enquire_link of the SMSC is answered with its sequence', async () => {
        const session = await smsc.bound();
        const resp = await new Promise(done => session.enquire_link({}, done));
        assert.equal(resp.command, 'enquire_link_resp');
        assert.equal(resp.command_status, 0);
    });

    test('S09 160 letters are one part of the default alphabet; 161 are 153 and 8', async () => {
        const [one] = await echo('a'.repeat(160));
        assert.deepEqual([one.esm, one.data_coding, one.bytes.length], [0, 0, 160]);
        const [first, second] = await echo('a'.repeat(161), 2);
        assert.deepEqual(part(first), [`050003${udhRef(first)}0201`, 153]);
        assert.deepEqual(part(second), [`050003${udhRef(first)}0202`, 8]);
        assert.equal(first.esm, 0x40);
    });

    test('S10 S11 an escape stays with its letter', async () => {
        let parts = await echo('a'.repeat(159) + '€', 2);
        assert.deepEqual(parts.map(p => p.body.length), [153, 8]);
        assert.equal(parts[1].body.toString('hex'), '6161616161611b65');
        parts = await echo('a'.repeat(152) + '€' + 'b'.repeat(8), 2);
        assert.deepEqual(parts.map(p => p.body.length), [152, 10]);
        assert.equal(parts[1].body.subarray(0, 2).toString('hex'), '1b65');
    });

    test('S12 S13 UCS-2: 70 are one part, 71 are 67 and 4; an emoji stays whole', async () => {
        const [one] = await echo('я'.repeat(70));
        assert.deepEqual([one.data_coding, one.bytes.length], [8, 140]);
        let parts = await echo('я'.repeat(71), 2);
        assert.deepEqual(parts.map(p => p.body.length / 2), [67, 4]);
        parts = await echo('я'.repeat(66) + '😀' + 'я'.repeat(5), 2);
        assert.deepEqual(parts.map(p => p.body.length / 2), [66, 7]);
        assert.equal(parts[1].body.subarray(0, 4).toString('hex'), 'd83dde00');
    });

    test('a flag, a family and a letter with its accent stay whole, too', async () => {
        const family = '👩‍👩‍👧';
        const [first] = await echo('я'.repeat(64) + family + 'я', 2);
        assert.equal(first.body.length / 2, 64);
        const [cut] = await echo('я'.repeat(66) + 'e\u0301' + 'я'.repeat(4), 2);
        assert.equal(cut.body.length / 2, 66);
    });

    test('S14 S15 @ is 0x00 and the extension is escaped, both ways', async () => {
        const all = '@ €[]{}\\~^|';
        const bytes = Buffer.from('00201b651b3c1b3e1b281b291b2f1b3d1b141b40', 'hex');
        const from = smsc.submits.length;
        await smsc.deliver({ data_coding: 0, short_message: bytes });
        const sent = (await smsc.submitted(from + 1))[from];
        assert.equal(sent.bytes.toString('hex'), bytes.toString('hex'));
        const [again] = await echo(all, 1, { data_coding: 8, short_message: Buffer.from(all, 'utf16le').swap16() });
        assert.equal(again.bytes.toString('hex'), bytes.toString('hex'));
    });

    test('S15 an escape before what is not in the extension is that letter', async () => {
        const from = smsc.submits.length;
        await smsc.deliver({ data_coding: 0, short_message: Buffer.from('1b6162', 'hex') });
        assert.equal((await smsc.submitted(from + 1))[from].bytes.toString(), 'ab');
    });

    test('S16 an odd byte of UCS-2 is dropped and counted', async () => {
        const from = smsc.submits.length;
        await smsc.deliver({ data_coding: 8, short_message: Buffer.from('044f044f04', 'hex') });
        assert.equal((await smsc.submitted(from + 1))[from].bytes.toString('hex'), '044f044f');
        await counted(gw, 'odd_byte');
    });

    const part8 = (ref, total, seq, text) =>
        ({ esm_class: 0x40, data_coding: 0, short_message: Buffer.concat(
            [Buffer.from([5, 0, 3, ref, total, seq]), Buffer.from(text)]) });

    test('S17 three parts in the order 3, 1, 2, one of them twice, are one message', async () => {
        const from = smsc.submits.length;
        for (const [seq, text] of [[3, 'three'], [1, 'one '], [1, 'one '], [2, 'two '], [1, 'one ']])
            assert.equal((await smsc.deliver(part8(7, 3, seq, text))).command_status, 0);
        assert.equal((await smsc.submitted(from + 1))[from].text, 'one two three');
        await sleep(1200); // nothing comes of the part that was said once more
        assert.equal(smsc.submits.length, from + 1);
    });

    test('S18 without the rest, what is there is taken after a while', async () => {
        const from = smsc.submits.length;
        await smsc.deliver(part8(8, 3, 1, 'begin '));
        await smsc.deliver(part8(8, 3, 3, ' end'));
        const sent = (await smsc.submitted(from + 1))[from];
        assert.equal(sent.bytes.swap16().toString('utf16le'), 'begin […] end');
    });

    test('S19 references of 16 bits, SAR TLVs and message_payload come to the same', async () => {
        let from = smsc.submits.length;
        const udh16 = (seq, text) => ({ esm_class: 0x40, data_coding: 0, short_message: Buffer.concat(
            [Buffer.from([6, 8, 4, 1, 2, 2, seq]), Buffer.from(text)]) });
        await smsc.deliver(udh16(2, 'world'));
        await smsc.deliver(udh16(1, 'hello '));
        assert.equal((await smsc.submitted(from + 1))[from].text, 'hello world');
        from++;
        const sar = (seq, text) => ({ data_coding: 0, short_message: Buffer.from(text),
            sar_msg_ref_num: 9, sar_total_segments: 2, sar_segment_seqnum: seq });
        await smsc.deliver(sar(1, 'sar '));
        await smsc.deliver(sar(2, 'too'));
        assert.equal((await smsc.submitted(from + 1))[from].text, 'sar too');
        from++;
        await smsc.deliver({ data_coding: 0, short_message: '', message_payload: Buffer.from('paid') });
        assert.equal((await smsc.submitted(from + 1))[from].text, 'paid');
    });

    test('S20 other elements may stand before those of the parts', async () => {
        const from = smsc.submits.length;
        const udh = (seq, text) => ({ esm_class: 0x40, data_coding: 0, short_message: Buffer.concat(
            [Buffer.from([11, 5, 4, 0x0b, 0x84, 0x23, 0xf0, 0, 3, 44, 2, seq]), Buffer.from(text)]) });
        await smsc.deliver(udh(1, 'port '));
        await smsc.deliver(udh(2, 'five'));
        assert.equal((await smsc.submitted(from + 1))[from].text, 'port five');
    });

    test('a header or numbers that make no sense leave a plain message', async () => {
        const from = smsc.submits.length;
        for (const head of [[5, 0, 3, 1, 0, 1], [5, 0, 3, 1, 2, 0], [5, 0, 3, 1, 2, 3]])
            await smsc.deliver({ esm_class: 0x40, data_coding: 0,
                                 short_message: Buffer.concat([Buffer.from(head), Buffer.from('plain')]) });
        await smsc.deliver({ esm_class: 0x40, data_coding: 0, short_message: Buffer.from('zwide') });
        const sent = await smsc.submitted(from + 4);
        assert.deepEqual(sent.slice(from).map(s => s.text), ['plain', 'plain', 'plain', 'zwide']);
        await counted(gw, 'header_flawed', 4);
    });

    test('an alphabet that is none of ours is kept and nobody answers it', async () => {
        const from = smsc.submits.length;
        const resp = await smsc.deliver({ data_coding: 0x05, short_message: Buffer.from('1b2442', 'hex') });
        assert.equal(resp.command_status, 0);
        await counted(gw, 'undecodable');
        await sleep(100);
        assert.equal(smsc.submits.length, from);
    });

    test('S21 S22 S24 receipts by text, by TLV, before the response; a final one stays', async () => {
        const customer = somebody();
        const [first] = await echo('by text', 1, customer);
        assert.equal(first.registered_delivery, 1);
        assert.equal((await smsc.receipt(first.id, 'ACCEPTD')).command_status, 0);
        assert.equal((await smsc.receipt(first.id, 'DELIVRD')).command_status, 0);
        await becomes(gw, 'delivered');
        await smsc.receipt(first.id, 'ENROUTE');

        const [second] = await echo('by TLV', 1, customer);
        await smsc.deliver({ esm_class: 0, short_message: '', receipted_message_id: second.id,
                             message_state: 2 });
        await becomes(gw, 'delivered');

        const [third] = await echo('both', 1, customer);
        await smsc.receipt('nonsense', 'UNDELIV', { pdu: { receipted_message_id: third.id, message_state: 2 } });
        await becomes(gw, 'delivered');

        smsc.onSubmit = () => { smsc.receipt('early', 'UNDELIV', { err: '011' });
                                return { message_id: 'early' }; };
        await echo('too early', 1, customer);
        await becomes(gw, 'failed');
        assert.deepEqual((await said(gw)).slice(-4).map(m => m.state),
                         ['delivered', 'delivered', 'delivered', 'failed']);
    });

    test('a long message is delivered by its last part, failed by any', async () => {
        const customer = somebody();
        const parts = await echo('p'.repeat(400), 3, customer);
        await smsc.receipt(parts[2].id, 'DELIVRD');
        await becomes(gw, 'delivered');
        const others = await echo('q'.repeat(400), 3, customer);
        await smsc.receipt(others[0].id, 'DELIVRD');
        await becomes(gw, 'delivered');
        const lost = await echo('r'.repeat(400), 3, customer);
        await smsc.receipt(lost[1].id, 'UNDELIV');
        await becomes(gw, 'failed');
    });

    test('S27 an orphan is answered, and is not a message', async () => {
        const from = smsc.submits.length;
        assert.equal((await smsc.receipt('nobody', 'DELIVRD')).command_status, 0);
        await sleep(100);
        assert.equal(smsc.submits.length, from);
    });

    test('S26 0x0b fails at once, as invalid_destination', async () => {
        let n = 0;
        smsc.onSubmit = () => { n++; return { command_status: 0x0b }; };
        await smsc.say('to nobody', somebody());
        await becomes(gw, 'failed', /^invalid_destination: the provider answered ESME_RINVDSTADR/);
        await sleep(100);
        assert.equal(n, 1);
    });

    test('bad input: unknown commands, short bodies, responses to nothing', async () => {
        const session = await smsc.bound();
        const raw = (command, body, length) => {
            const pdu = Buffer.alloc(16 + body.length);
            pdu.writeUInt32BE(length ?? pdu.length, 0);
            pdu.writeUInt32BE(command, 4);
            pdu.writeUInt32BE(77, 12);
            body.copy(pdu, 16);
            return pdu;
        };
        const answer = command => until(() => smsc.pdus.findLast(
            p => p.command === command && p.sequence_number === 77), command);
        session.socket.write(raw(0x0000ffff, Buffer.alloc(0)));
        assert.equal((await answer('generic_nack')).command_status, 3);
        session.socket.write(raw(5, Buffer.from('0000003132', 'hex')));
        assert.equal((await answer('deliver_sm_resp')).command_status, 2);
        session.socket.write(raw(0x80000004, Buffer.from('6d00', 'hex')));
        await counted(gw, 'response_unknown');
        await echo('still here');
    });

    test('bad input: a length that cannot be ends the connection, and it binds again', async () => {
        const session = await smsc.bound(), binds = smsc.binds.length;
        session.socket.write(Buffer.from('0000000f00000015000000000000004e', 'hex'));
        await until(() => smsc.binds.length > binds, 'a new bind');
        const nack = smsc.pdus.findLast(p => p.command === 'generic_nack');
        assert.equal(nack.command_status, 2);
        await smsc.bound();
    });

    test('ten malformed PDUs within a minute end the connection', async () => {
        const session = await smsc.bound(), binds = smsc.binds.length;
        for (let i = 0; i < 12; i++)
            session.socket.write(Buffer.from('0000001200000005000000000000004d0000', 'hex'));
        await until(() => smsc.binds.length > binds, 'a new bind');
        await smsc.bound();
    });

    test('S28 STOP: one confirmation, then nothing; START takes it back; HELP helps', async () => {
        let from = smsc.submits.length;
        const say = (text, peer = '4599887766') => smsc.say(text, { source_addr: peer });
        assert.equal((await say(' stop. ')).command_status, 0);
        const confirmation = (await smsc.submitted(from + 1))[from];
        assert.match(confirmation.text, /no more messages/);
        assert.equal(confirmation.destination_addr, '4599887766');
        await say('STOP');
        await say('are you there?');
        await becomes(gw, 'failed', /^opted_out: the customer wants no messages/);
        assert.equal(smsc.submits.length, from + 1);
        const refused = async () => (await said(gw)).filter(m => m.state === 'failed').length, before = await refused();
        await say('please do not stop');
        await until(async () => await refused() > before, 'its answer refused, too', 10000);
        await say('Start');
        assert.match((await smsc.submitted(from + 2))[from + 1].text, /again/);
        await say('and now?');
        assert.equal((await smsc.submitted(from + 3))[from + 2].text, 'and now?');
        from = smsc.submits.length;
        await say('HELP', '4599887755');
        assert.match((await smsc.submitted(from + 1))[from].text, /write what you need/);
    });
});

test('S01 wrong credentials: it waits the longest time before it tries again', { skip }, async () => {
    for (const status of [0x0e, 0x0d]) {
        const smsc = await Smsc.start();
        smsc.onBind = () => status;
        const { gw } = await start({ reconnect: '50ms', reconnect_max: '1500ms' }, smsc);
        await until(() => smsc.binds.length === 1, 'a bind');
        await sleep(700);
        assert.equal(smsc.binds.length, 1);
        assert.match(gw.log, /check system_id, password/);
        smsc.onBind = () => 0;
        await smsc.bound();
        await gw.close();
        await smsc.stop();
    }
});

test('S01 no answer to the bind, and no SMSC at all: it comes again, later and later', { skip }, async () => {
    const smsc = await Smsc.start();
    smsc.onBind = () => null;
    const { gw } = await start({ response_timeout: '200ms' }, smsc);
    await until(() => smsc.binds.length >= 2, 'a second try');
    const { port } = smsc;
    await smsc.stop();
    await until(() => /cannot be reached/.test(gw.log), 'a refused connection');
    const again = await Smsc.start({ port });
    await again.bound();
    await gw.close();
    await again.stop();
});

test('S03 a full window sends nothing until there is a response', { skip }, async () => {
    const { gw, smsc } = await start({ window: 2, tps: 1000 });
    const held = [];
    await smsc.bound();
    smsc.onSubmit = pdu => { held.push(pdu); return null; };
    await smsc.say('w'.repeat(153 * 4));
    await until(() => held.length === 2, 'a full window');
    await sleep(200);
    assert.equal(held.length, 2);
    smsc.onSubmit = () => ({});
    const session = smsc.sessions[0];
    for (const pdu of held) session.send(pdu.response({ message_id: `x${pdu.sequence_number}` }));
    await smsc.submitted(2);
    await gw.close();
    await smsc.stop();
});

test('S04 never more than tps in any second', { skip }, async () => {
    const { gw, smsc } = await start({ tps: 20, window: 100, max_parts: 100 });
    await smsc.bound();
    const since = Date.now();
    await smsc.say('t'.repeat(153 * 50));
    assertNoSooner(await smsc.submitted(50), since, i => Math.floor(i / 20) * 1000);
    await gw.close();
    await smsc.stop();
});

test('S05 what is not answered is uncertain and not sent again', { skip }, async () => {
    const { gw, smsc } = await start({ response_timeout: '300ms' });
    let n = 0;
    await smsc.bound();
    smsc.onSubmit = () => { n++; return null; };
    await smsc.say('lost');
    await becomes(gw, 'uncertain');
    await sleep(300);
    assert.equal(n, 1);
    await gw.close();
    await smsc.stop();
});

test('S05 with resend_on_timeout the part that was not answered goes again, alone, once that is on disk', { skip }, async () => {
    const { gw, smsc } = await start({ response_timeout: '300ms', resend_on_timeout: 'yes', tps: 1000 });
    let n = 0;
    await smsc.bound();
    smsc.onSubmit = () => ({ silent: ++n === 2 });
    await smsc.say('r'.repeat(153 * 3));
    const sent = await smsc.submitted(4);
    const records = await journal(gw);
    await becomes(gw, 'sent');
    assert.deepEqual(sent.map(pdu => pdu.udh.at(-1)), [1, 2, 3, 2]);
    assert.ok(records.some(r => r.type === 'delivery' && r.maybe_duplicate === 1), 'it says so as it leaves');
    await gw.close();
    await smsc.stop();
});

test('a receipt of the last part does not speak for a part that was never taken, also not over a kill', { skip }, async () => {
    const { gw, smsc } = await start({ resend_on_timeout: 'yes', dlr_settle: '100ms', tps: 1000 });
    let n = 0;
    await smsc.bound();
    smsc.onSubmit = () => (++n === 1 ? null : {});
    await smsc.say('r'.repeat(153 * 3));
    for (const { id } of await smsc.submitted(2)) await smsc.receipt(id, 'DELIVRD');
    await counted(gw, 'receipts', 2);
    await sleep(300);
    assert.equal((await said(gw)).at(-1).state, 'queued');
    await gw.kill();
    await gw.start();
    const again = (await smsc.submitted(5)).slice(2);
    assert.deepEqual(again.map(pdu => pdu.udh.at(-1)), [1, 2, 3]);
    await smsc.receipt(again[2].id, 'DELIVRD');
    await becomes(gw, 'delivered');
    await gw.close();
    await smsc.stop();
});

test('S05 who never answers is not asked for ever', { skip }, async () => {
    const { gw, smsc } = await start({ response_timeout: '100ms', resend_on_timeout: 'yes' });
    let n = 0;
    await smsc.bound();
    smsc.onSubmit = () => { n++; return null; };
    await smsc.say('lost');
    await becomes(gw, 'uncertain');
    assert.equal(n, 5);
    await gw.close();
    await smsc.stop();
});

test('S07 an enquire_link that is not answered ends the connection, and it binds again', { skip }, async () => {
    const { gw, smsc } = await start({ enquire_link: '200ms', response_timeout: '300ms' });
    await smsc.bound();
    await until(() => smsc.pdus.some(p => p.command === 'enquire_link'), 'an enquire_link');
    smsc.mute = true;
    await until(() => smsc.binds.length > 1, 'a new bind');
    assert.match(gw.log, /did not answer an enquire_link/);
    await gw.close();
    await smsc.stop();
});

test('S08 it unbinds when it goes', { skip }, async () => {
    const { gw, smsc } = await start();
    await smsc.bound();
    await gw.stop();
    await until(() => smsc.pdus.some(p => p.command === 'unbind'), 'an unbind');
    await gw.close();
    await smsc.stop();
});

test('S23 ids of responses and receipts that differ by case, padding or base', { skip }, async () => {
    for (const [mode, given, named] of [['icase', 'AbCdEf', '00ABCDEF'], ['hex2dec', '1F4', '500'],
                                        ['dec2hex', '500', '000001f4'], ['exact', 'Xy', 'Xy']]) {
        const { gw, smsc } = await start({ dlr_id: mode });
        await smsc.bound();
        smsc.onSubmit = () => ({ message_id: given });
        await smsc.say('which?');
        await smsc.submitted(1);
        await smsc.receipt(named, 'DELIVRD');
        await becomes(gw, 'delivered');
        await gw.close();
        await smsc.stop();
    }
});

test('S25 throttling halves the rate, and everything arrives in order', { skip }, async () => {
    const { gw, smsc } = await start({ tps: 8, window: 1, max_parts: 100 });
    let n = 0;
    await smsc.bound();
    smsc.onSubmit = () => (++n <= 3 ? { command_status: 0x58 } : {});
    const since = Date.now();
    await smsc.say('x'.repeat(153) + 'y'.repeat(153) + 'z'.repeat(20));
    const sent = await smsc.submitted(3, 20000);
    assert.deepEqual(sent.map(s => s.body.toString()[0]), ['x', 'y', 'z']);
    assertNoSooner(sent, since, i => (3 + i) * 1000); // three pauses, then one a second
    assert.match(gw.log, /then 1 of 8 parts a second/);
    await becomes(gw, 'sent');
    await gw.close();
    await smsc.stop();
});

test('a pair of binds: one sends, the other receives', { skip }, async () => {
    const { gw, smsc } = await start({ bind: 'pair', sessions: 2 });
    await until(() => smsc.binds.length === 4, 'four binds');
    assert.deepEqual(smsc.binds.map(b => b.command).sort(),
                     ['bind_receiver', 'bind_receiver', 'bind_transmitter', 'bind_transmitter']);
    await smsc.say('by the receiver', {}, await smsc.bound('receiver'));
    const [sent] = await smsc.submitted(1);
    assert.equal(sent.session.kind, 'bind_transmitter');
    await gw.close();
    await smsc.stop();
});

test('SAR TLVs, references of 16 bits and message_payload go out, too', { skip }, async () => {
    for (const [mode, check] of [
        ['udh16', s => assert.match(s[0].udh.toString('hex'), /^060804....0201$/)],
        ['sar', s => assert.deepEqual([s[0].sar_total_segments, s[1].sar_segment_seqnum], [2, 2])],
        ['payload', s => assert.equal(s[0].text.length, 305)]]) {
        const { gw, smsc } = await start({ long_messages: mode });
        await smsc.bound();
        await smsc.say('l'.repeat(mode === 'payload' ? 305 : 304));
        check(await smsc.submitted(mode === 'payload' ? 1 : 2));
        await gw.close();
        await smsc.stop();
    }
});

test('a text of more than max_parts goes as messages cut between sentences, and the last says what is left out', { skip }, async () => {
    const { gw, smsc } = await start({ max_parts: 2, max_messages: 2, tps: 1000 });
    const sentence = 'This is a sentence of exactly sixty letters, counted by us. '; // 60
    await smsc.bound();
    await smsc.say(sentence.repeat(8).trim());
    const sent = await smsc.submitted(4);
    assert.equal(sent[0].text + sent[1].text, sentence.repeat(5).trim());
    assert.equal(sent[2].text + sent[3].text, sentence.repeat(3).trim());
    await smsc.say(sentence.repeat(30));
    await smsc.submitted(8);
    assert.match(sent.slice(6).map(s => s.text).join(''),
                 /counted by us\. \[\.\.\.\] The whole answer is too long for SMS\.$/);
    await becomes(gw, 'sent');
    assert.equal(smsc.submits.length, 8);
    await gw.close();
    await smsc.stop();
});

test('what was said again after a lost connection is one message; after a crash, too', { skip }, async () => {
    const { gw, smsc } = await start();
    await smsc.bound();
    await smsc.say('once');
    await becomes(gw, 'sent');
    smsc.drop();
    await until(() => smsc.binds.length === 2, 'a new bind');
    assert.equal((await smsc.say('once', {}, await smsc.bound())).command_status, 0);
    await gw.kill();
    await gw.start();
    await until(() => smsc.binds.length === 3, 'a bind after the crash');
    smsc.submits = smsc.submits.slice(0, 1); // what was sent just before it, it may send again
    assert.equal((await smsc.say('once', {}, await smsc.bound())).command_status, 0);
    await sleep(200);
    assert.equal(smsc.submits.length, 1);
    assert.equal((await smsc.say('once', {})).command_status, 0); // the customer repeats themselves
    await smsc.submitted(2);
    await gw.close();
    await smsc.stop();
});

test('receipts, parts and STOP outlive a crash', { skip }, async () => {
    const { gw, smsc } = await start();
    await smsc.bound();
    await smsc.say('receipt me');
    const [sent] = await smsc.submitted(1);
    await smsc.deliver({ esm_class: 0x40, data_coding: 0,
                         short_message: Buffer.from('0500030902016c656674', 'hex') });
    await smsc.say('STOP', { source_addr: '4500000001' });
    await smsc.submitted(2);
    await becomes(gw, 'sent');
    await gw.kill();
    await gw.start();
    await until(() => smsc.binds.length === 2, 'a bind after the crash');
    await smsc.bound();
    await smsc.receipt(sent.id, 'DELIVRD');
    await becomes(gw, 'delivered');
    await smsc.deliver({ esm_class: 0x40, data_coding: 0,
                         short_message: Buffer.from('0500030902022b7269676874', 'hex') });
    assert.equal((await smsc.submitted(3))[2].text, 'left+right');
    await smsc.say('hello?', { source_addr: '4500000001' });
    await becomes(gw, 'failed', /^opted_out: the customer/);
    assert.equal(smsc.submits.length, 3);
    await gw.close();
    await smsc.stop();
});

test('a store without room: 0x64 to messages, parts and STOP, and nothing is lost by it', { skip }, async () => {
    const smsc = await Smsc.start();
    const { gw } = await start({}, smsc, { min_free: '1000000G' });
    const part = { esm_class: 0x40, data_coding: 0,
                   short_message: Buffer.from('0500030902016c656674', 'hex') };
    await smsc.bound();
    for (const send of [() => smsc.say('now?'), () => smsc.say('STOP'), () => smsc.deliver(part)])
        assert.equal((await send()).command_status, 0x64);
    delete gw.options.tandem.min_free;
    await gw.restart();
    await until(() => smsc.binds.length === 2, 'a new bind');
    await smsc.bound();
    assert.equal((await smsc.say('now?')).command_status, 0); // the STOP was not taken, and holds not
    assert.equal((await smsc.submitted(1))[0].text, 'now?');
    await gw.close();
    await smsc.stop();
});

test('it works in a process of its own', { skip }, async () => {
    const { gw, smsc } = await start({ isolate: 'yes' });
    await smsc.bound();
    await smsc.say('apart');
    assert.equal((await smsc.submitted(1))[0].text, 'apart');
    await smsc.say('STOP');
    assert.match((await smsc.submitted(2))[1].text, /no more messages/);
    await gw.close();
    await smsc.stop();
});

test('TLS: the certificate has to be good', { skip }, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tandem-smpp-'));
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', join(dir, 'key'), '-out', join(dir, 'cert')]);
    assert.equal(made.status, 0);
    const tls = { key: readFileSync(join(dir, 'key')), cert: readFileSync(join(dir, 'cert')) };
    const smsc = await Smsc.start({ tls });
    const { gw } = await start({ host: 'localhost', tls: 'yes', tls_ca: join(dir, 'cert') }, smsc);
    await smsc.bound();
    await smsc.say('t'.repeat(3000), { message_payload: 't'.repeat(3000), short_message: '', data_coding: 0 });
    await smsc.submitted(20);
    await gw.close();
    const other = await start({ host: 'localhost', tls: 'yes' }, smsc);
    await until(() => /the certificate of localhost is not good/.test(other.gw.log), 'a refusal');
    await other.gw.close();
    await smsc.stop();
    rmSync(dir, { recursive: true });
});

test('the provider\'s own opt-out is taken into the ledger', { skip }, async () => {
    const { gw, smsc } = await start({ opted_out_errors: '0x401' });
    await smsc.bound();
    smsc.onSubmit = () => ({ command_status: 0x401 });
    await smsc.say('hello');
    await becomes(gw, 'failed', /^opted_out: the provider answered/);
    smsc.onSubmit = () => ({});
    await smsc.say('hello again');
    await becomes(gw, 'failed', /^opted_out: the customer wants/);
    assert.equal(smsc.submits.length, 0);
    await gw.close();
    await smsc.stop();
});
