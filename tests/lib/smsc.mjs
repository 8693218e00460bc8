/**
 * smsc.mjs - a provider's SMSC, by npm `smpp`: code that nobody here wrote reads what we send.
 *
 *   const smsc = await Smsc.start();            // smsc.port
 *   smsc.conf('sms', 'agent = a\n');            // a channel bound to it, and more of its keys
 *   const session = await smsc.bound();         // the newest one
 *   const resp = await smsc.deliver({ source_addr: '4511', destination_addr: '12345', .. });
 *   const sent = await smsc.submitted(3);       // when there are so many: pdu, raw, text, udh
 *   smsc.heard('4511')                          // the text of each part that went there
 *   smsc.onSubmit = pdu => ({ command_status: 0x58 });  // else ROK and an id
 *   smsc.receipt(id, 'DELIVRD', options)
 *   smsc.drop(); await smsc.stop();
 */
import { peer } from './peers.mjs';
import { until } from './gateway.mjs';

export const smpp = peer('smpp');

/** What stands in a short_message, read by ourselves: npm smpp shows it decoded only. */
function rawMessage(raw) {
    let at = 16;
    const string = () => { while (raw[at] !== 0) at++; at++; };
    string(); at += 2; string(); at += 2; string();
    const esm = raw[at]; at += 3; string(); string(); at += 4;
    const length = raw[at++];
    return { esm, bytes: raw.subarray(at, at + length) };
}

const CUSTOMER = '4511223344'; // where nobody says another
const tlvOf = pdu => pdu.message_payload?.message ?? pdu.message_payload;

export class Smsc {
    static async start(options = {}) {
        const smsc = new Smsc(options);
        await new Promise(done => smsc.server.listen(options.port ?? 0, '127.0.0.1', done));
        smsc.port = smsc.server.address().port;
        return smsc;
    }

    constructor(options) {
        this.options = options;
        this.sessions = [];
        this.binds = [];
        this.submits = [];
        this.pdus = [];
        this.lastId = 0;
        this.accepted = 0;
        this.onBind = () => 0;
        this.onSubmit = () => ({});
        this.server = smpp.createServer(options.tls ?? {}, session => this.accept(session));
    }

    conf(name, keys) {
        return `[channel ${name}]\ntype = sms_smpp\nhost = 127.0.0.1\nport = ${this.port}\n` +
            `system_id = acme\npassword = secret\nsource = 12345\nreconnect = 100ms\n` +
            `reconnect_max = 300ms\n${keys}`;
    }

    accept(session) {
        let raw = Buffer.alloc(0);
        const read = session.socket.read.bind(session.socket);
        session.socket.read = n => {
            const bytes = read(n);
            if (bytes) raw = Buffer.concat([raw, bytes]);
            return bytes;
        };
        this.sessions.push(session);
        session.n = ++this.accepted;
        session.on('error', () => {});
        session.on('close', () => { this.sessions = this.sessions.filter(s => s !== session); });
        session.on('pdu', pdu => {
            pdu.raw = raw.subarray(0, pdu.command_length);
            raw = raw.subarray(pdu.command_length);
            pdu.at = Date.now();
            this.pdus.push(Object.assign(pdu, { session }));
            this.take(session, pdu);
        });
    }

    take(session, pdu) {
        if (pdu.command.startsWith('bind_') && !pdu.isResponse()) {
            this.binds.push(pdu);
            const status = this.onBind(pdu);
            if (status === null) return;
            session.send(pdu.response({ command_status: status, system_id: 'smsc' }));
            if (status === 0) Object.assign(session, { kind: pdu.command, systemId: pdu.system_id });
        } else if (pdu.command === 'enquire_link') {
            if (!this.mute) session.send(pdu.response());
        } else if (pdu.command === 'unbind') {
            session.send(pdu.response());
        } else if (pdu.command === 'submit_sm') {
            this.submit(session, pdu);
        }
    }

    submit(session, pdu) {
        const answer = this.onSubmit(pdu);
        Object.assign(pdu, rawMessage(pdu.raw), { session, id: answer?.message_id ?? `m${++this.lastId}` });
        const udhLength = pdu.esm & 0x40 ? pdu.bytes[0] + 1 : 0;
        pdu.udh = pdu.bytes.subarray(0, udhLength);
        pdu.body = pdu.bytes.subarray(udhLength);
        pdu.text = tlvOf(pdu) ?? pdu.short_message?.message ?? '';
        if ((answer?.command_status ?? 0) === 0 && answer !== null) this.submits.push(pdu);
        if (answer === null || answer.silent) return; // it never came, or came and is not answered
        session.send(pdu.response({ message_id: pdu.id, ...answer }));
    }

    /** The newest session that is bound (of that kind). */
    bound(kind = '') {
        return until(() => this.sessions.filter(s => s.kind?.includes(kind)).at(-1), 'a bind', 10000);
    }

    heard(to = CUSTOMER) {
        return this.submits.filter(pdu => pdu.destination_addr === to).map(pdu => pdu.text);
    }

    async submitted(n, ms = 10000) {
        await until(() => this.submits.length >= n, `submit_sm number ${n}`, ms);
        return this.submits;
    }

    /** Sends a deliver_sm and gives the response; null when the connection ends before. */
    async deliver(options, session) {
        const to = session ?? this.sessions.filter(s => s.kind && s.kind !== 'bind_transmitter').at(-1)
            ?? await this.bound();
        to.setMaxListeners(0);
        return new Promise(done => {
            to.once('close', () => done(null));
            to.deliver_sm({ source_addr_ton: 1, source_addr_npi: 1, source_addr: CUSTOMER,
                            destination_addr: '12345', ...options }, done);
        });
    }

    /** A customer writes; UCS-2 by message_payload when it does not fit. */
    say(text, options = {}) {
        const fits = Buffer.from(text, 'utf16le').length <= 250;
        return this.deliver(fits ? { short_message: text, ...options }
            : { message_payload: text, data_coding: 8, short_message: '', ...options });
    }

    receipt(id, stat, options = {}) {
        const date = '2611230600';
        return this.deliver({
            esm_class: 4, source_addr: CUSTOMER, ...options.pdu,
            short_message: options.text ?? `id:${id} sub:001 dlvrd:001 submit date:${date} ` +
                `done date:${date} stat:${stat} err:${options.err ?? '000'} text:hello`,
        });
    }

    drop() { for (const session of this.sessions) session.destroy(); }

    async stop() {
        this.drop();
        await new Promise(done => this.server.close(done));
    }
}
