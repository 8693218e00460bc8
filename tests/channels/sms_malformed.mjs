/**
 * sms_malformed.mjs - what an SMSC must never send, on a bind of its own: generic_nack, the right
 * response or the end of the connection, no reading beyond (under sanitizers), and the other provider
 * notices nothing.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Gateway, until } from '../lib/gateway.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = smpp ? false : 'npm smpp is not installed';
const DELIVER = 5, SUBMIT_RESP = 0x80000004, ENQUIRE = 0x15, BIND_TRANSCEIVER = 9;

/** A PDU; length: what it claims to be, where that is not the truth. */
function pdu(command, body = '', { sequence = 77, length } = {}) {
    const bytes = Buffer.concat([Buffer.alloc(16), Buffer.from(body, 'hex')]);
    bytes.writeUInt32BE(length ?? bytes.length, 0);
    bytes.writeUInt32BE(command, 4);
    bytes.writeUInt32BE(sequence, 12);
    return bytes;
}

/** The body of a deliver_sm from 4511 to 12345; in hex. */
const deliver = (message, { esm = '00', coding = '00', tlvs = '' } = {}) =>
    `00010134353131000001313233343500${esm}000000000000${coding}00` +
    `${(message.length / 2).toString(16).padStart(2, '0')}${message}${tlvs}`;

describe('one provider is out of its mind, the other is not', { skip }, () => {
    let gw, wild, tame;

    before(async () => {
        [wild, tame] = [await Smsc.start(), await Smsc.start()];
        gw = await Gateway.start({ conf: `${wild.conf('wild', 'agent = front\ntps = 1000\n')}
${tame.conf('tame', 'agent = front\ntps = 1000\n')}
[agent front]
type = echo
` });
        await Promise.all([wild.bound(), tame.bound()]);
    });
    after(async () => { await gw?.close(); await wild?.stop(); await tame?.stop(); });

    const answer = (command, sequence = 77) => until(() => wild.pdus.findLast(
        p => p.command === command && p.sequence_number === sequence), `${command} of ${sequence}`);

    /** Both are served: nothing of what was sent has hurt. */
    async function serve() {
        await wild.bound();
        for (const smsc of [wild, tame]) {
            const n = smsc.submits.length;
            assert.equal((await smsc.say(`still ${n}`)).command_status, 0);
            assert.equal((await smsc.submitted(n + 1))[n].text, `still ${n}`);
        }
        assert.equal(tame.binds.length, 1);
    }

    for (const [what, length] of [['0', 0], ['15', 15], ['2^31', 0x80000000], ['2^32 - 1', 0xffffffff],
                                  ['one more than the most', 65536 + 256 + 1]]) {
        test(`command_length ${what}: generic_nack 0x02, and a new bind`, async () => {
            const session = await wild.bound(), binds = wild.binds.length, from = wild.pdus.length;
            session.socket.write(pdu(ENQUIRE, '', { length }));
            await until(() => wild.binds.length > binds, 'a new bind');
            const nack = wild.pdus.slice(from).find(p => p.command === 'generic_nack');
            assert.equal(nack.command_status, 2);
            await serve();
        });
    }

    for (const [what, body, status] of [
        ['no NUL at the end of source_addr', '000101' + '34'.repeat(40), 2],
        ['a body that ends in the middle of its fields', '0000003435', 2],
        ['sm_length beyond the end', deliver('').slice(0, -2) + '09' + '6869', 1],
        ['sm_length over 254', deliver('').slice(0, -2) + 'ff' + '61'.repeat(255), 1],
        ['a TLV of three bytes', deliver('6869', { tlvs: '042401' }), 2],
        ['a TLV beyond the end', deliver('6869', { tlvs: '0424ffff6162' }), 2],
    ]) {
        test(`${what}: deliver_sm_resp 0x0${status}, and it stays bound`, async () => {
            const session = await wild.bound(), binds = wild.binds.length, from = wild.pdus.length;
            const sequence = 1000 + from;
            session.socket.write(pdu(DELIVER, body, { sequence }));
            assert.equal((await answer('deliver_sm_resp', sequence)).command_status, status);
            await serve();
            assert.equal(wild.binds.length, binds);
        });
    }

    test('commands that nobody knows, and those of the other side, get generic_nack 0x03', async () => {
        const session = await wild.bound();
        for (const [i, command] of [0x0000ffff, 0x80001234, BIND_TRANSCEIVER, 4].entries()) {
            const body = command === BIND_TRANSCEIVER ? '6100620000340000' + '00' : command === 4 ? deliver('6869') : '';
            session.socket.write(pdu(command, body, { sequence: 500 + i }));
            assert.equal((await answer('generic_nack', 500 + i)).command_status, 3);
        }
        await serve();
    });

    test('responses to nothing are counted and nothing else', async () => {
        const session = await wild.bound(), binds = wild.binds.length;
        for (const command of [SUBMIT_RESP, 0x80000009, 0x80000015, 0x80000006, 0x80000000])
            session.socket.write(pdu(command, command === SUBMIT_RESP ? '6d00' : '', { sequence: 0x7ffffff0 }));
        await serve();
        assert.equal(wild.binds.length, binds);
    });

    test('a flood of enquire_link is answered to the last, or the connection ends', async () => {
        const session = await wild.bound(), binds = wild.binds.length, from = wild.pdus.length;
        const flood = Buffer.concat(Array.from({ length: 20000 }, (_, i) => pdu(ENQUIRE, '', { sequence: i + 1 })));
        session.socket.write(flood);
        await until(() => wild.binds.length > binds ||
            wild.pdus.length - from >= 20000 && wild.pdus.at(-1).sequence_number >= 1, 'the answers', 20000);
        await serve();
    });

    test('lengths that lie in a user data header, and half a letter of UCS-2', async () => {
        let n = wild.submits.length;
        const session = await wild.bound();
        for (const [i, [message, options]] of [
            ['ff' + '61'.repeat(4), { esm: '40' }],           // a header longer than the message
            ['05000903010161', { esm: '40' }],                // an element longer than its header
            ['0500030900016869', { esm: '40' }],              // of 0 parts
            ['044f04', { coding: '08' }],                     // an odd byte
        ].entries()) {
            session.socket.write(pdu(DELIVER, deliver(message, options), { sequence: 600 + i }));
            assert.equal((await answer('deliver_sm_resp', 600 + i)).command_status, 0);
            await wild.submitted(++n);
        }
        await serve();
    });

    test('a stream of nonsense ends the connection, and it binds again', async () => {
        let x = 7;
        const noise = Buffer.from(Array.from({ length: 100000 }, () => (x = x * 1103515245 + 12345 & 0x7fffffff) >> 16 & 255));
        const session = await wild.bound(), binds = wild.binds.length;
        session.socket.write(noise);
        await until(() => wild.binds.length > binds, 'a new bind');
        await serve();
    });
});
