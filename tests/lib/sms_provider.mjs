/**
 * sms_provider.mjs - a provider of short messages over HTTP: takes what we send, and sends webhooks
 * signed by code that nobody here wrote: npm `twilio`, and Vonage's `nexmo` and `@vonage/jwt`.
 *
 *   const provider = await SmsProvider.start('twilio');     // or 'vonage', 'vonage_messages'
 *   provider.conf('sms', 'agent = a\n');                    // a channel of it, and more of its keys
 *   await provider.say(gw, '+4511223344', 'hello')          // a customer writes: the answer
 *   await provider.receipt(gw, id, 'delivered')
 *   provider.sent                                           // what came: {from, to, text, fields, ..}
 *   provider.onSend = (message, n) => ({ status: 429, .. }) // else it is taken
 *   provider.files['/m/1'] = { type: 'image/png', body }    // provider.url + '/m/1'
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

import { sleep, until } from './gateway.mjs';
import { peer } from './peers.mjs';

export const twilio = peer('twilio'), nexmo = peer('nexmo'), vonageJwt = peer('@vonage/jwt');
const jsonwebtoken = peer('jsonwebtoken');
export const missing = twilio && nexmo && vonageJwt && jsonwebtoken ? false
    : 'npm twilio, nexmo, @vonage/jwt are not installed';

export const TOKEN = '12345', SECRET = 'signature-secret', OURS = '+4520202020';
export const ACCOUNT = { twilio: 'AC00000000000000000000000000000001', vonage: 'abcd1234',
                         vonage_messages: 'abcd1234' };
const HASHES = { sha256hmac: 'sha256', sha512hmac: 'sha512', sha1hmac: 'sha1', md5hmac: 'md5',
                 md5hash: 'md5hash' };
let customers = 0;
export const somebody = () => `+45${30000000 + ++customers}`;

export const api = async (gw, path) =>
    (await fetch(`${gw.url}/api/v1${path}`, { headers: { Authorization: 'Bearer operator' } })).text();

const STATES = ['queued', 'sent', 'uncertain', 'delivered', 'read', 'failed'];

/** What became of the messages to that customer: needs admin_token = operator. */
export async function said(gw, peer) {
    for (const { id } of JSON.parse(await api(gw, '/sessions')).sessions) {
        const records = (await api(gw, `/sessions/${id}/journal?bodies=1`)).trim().split('\n').map(l => JSON.parse(l));
        if (records[0].body?.peer !== peer) continue;
        return records.filter(r => r.type === 'reply').map(reply => {
            const last = records.findLast(r => r.type === 'delivery' && r.of === reply.seq);
            return { text: reply.body.text, state: STATES[last?.status ?? 0], detail: last?.detail ?? '',
                     unreachable: last?.category === 'unreachable' };
        });
    }
    return [];
}

export const becomes = (gw, peer, state, detail = /(?:)/) => until(async () => {
    const last = (await said(gw, peer)).at(-1);
    return last?.state === state && detail.test(last.detail);
}, `a message to ${peer} that is ${state}`, 10000);

const bodyOf = (raw, type) => type.includes('json') ? JSON.parse(raw)
    : Object.fromEntries(new URLSearchParams(raw));

export class SmsProvider {
    static async start(kind, options = {}) {
        const provider = new SmsProvider(kind, options);
        await new Promise(done => provider.server.listen(0, '127.0.0.1', done));
        provider.url = `http://127.0.0.1:${provider.server.address().port}`;
        return provider;
    }

    constructor(kind, options) {
        Object.assign(this, { kind, sent: [], gets: [], files: {}, lastId: 0, onSend: () => ({}),
                              publicUrl: 'https://gw.example/hooks/sms', hash: 'sha256hmac', ...options });
        this.server = createServer((req, res) => this.take(req, res));
    }

    conf(name, keys = '') {
        return `[channel ${name}]\ntype = sms_http\nprovider = ${this.kind}\n` +
            `account = ${ACCOUNT[this.kind]}\ntoken = ${TOKEN}\nsource = ${OURS}\napi_url = ${this.url}\n` +
            `public_url = ${this.publicUrl}\ntps = 1000\n` +
            (this.kind === 'twilio' ? '' : `signature_secret = ${SECRET}\nsignature = ${this.hash}\n`) + keys;
    }

    take(req, res) {
        const chunks = [];
        req.on('data', chunk => chunks.push(chunk));
        req.on('end', () => {
            const file = this.files[req.url];
            if (req.method === 'GET') {
                this.gets.push({ url: req.url, authorization: req.headers.authorization });
                res.writeHead(file?.status ?? (file ? 200 : 404),
                              { 'Content-Type': file?.type ?? 'text/plain', ...file?.headers });
                return void res.end(file?.body);
            }
            const raw = Buffer.concat(chunks).toString();
            const fields = bodyOf(raw, req.headers['content-type']);
            const message = { path: req.url, headers: req.headers, raw, fields, at: Date.now(),
                              from: fields.From ?? fields.from, to: `+${(fields.To ?? fields.to).replace(/^\+/, '')}`,
                              text: fields.Body ?? fields.text };
            const answer = this.onSend(message, this.sent.length) ?? {};
            if (!answer.status || answer.status < 300) this.sent.push(message);
            if (answer.cut) return void req.socket.destroy();
            if (answer.hang) return;
            res.writeHead(answer.status ?? (this.kind === 'twilio' ? 201 : 200),
                          { 'Content-Type': 'application/json', ...answer.headers });
            res.end(JSON.stringify(answer.body ?? this.taken(message)));
        });
    }

    taken(message) {
        message.id = `SM${String(++this.lastId).padStart(32, '0')}`;
        if (this.kind === 'twilio')
            return { sid: message.id, status: 'queued', error_code: null, error_message: null };
        if (this.kind === 'vonage_messages') return { message_uuid: message.id };
        const parts = this.parts?.(message) ?? 1;
        message.ids = Array.from({ length: parts }, (_, i) => i ? `${message.id}-${i}` : message.id);
        return { 'message-count': String(parts), messages: message.ids.map(id =>
            ({ to: message.to, 'message-id': id, status: '0', 'remaining-balance': '3.1' })) };
    }

    heard(to) { return this.sent.filter(m => m.to === to).map(m => m.text); }

    async hears(to, text, ms = 10000) {
        return until(() => this.sent.find(m => m.to === to && m.text.includes(text)),
                     `"${text}" to ${to}`, ms);
    }

    /* ---- Webhooks ------------------------------------------------------------------------ */

    id() { return `${this.kind === 'twilio' ? 'SM' : ''}in${String(++this.lastId).padStart(30, '0')}`; }

    /** The fields of a message, as this provider has them. */
    message(from, text, more = {}) {
        const id = more.id ?? this.id();
        delete more.id;
        return this.kind === 'twilio'
            ? { ToCountry: 'DK', SmsMessageSid: id, NumMedia: '0', SmsSid: id, SmsStatus: 'received', Body: text,
                To: OURS, NumSegments: '1', MessageSid: id, AccountSid: ACCOUNT.twilio, From: from,
                ApiVersion: '2010-04-01', ...more }
            : { 'api-key': ACCOUNT.vonage, msisdn: from.replace('+', ''), to: OURS.replace('+', ''), messageId: id,
                text, type: 'text', keyword: text.split(' ')[0].toUpperCase(),
                'message-timestamp': '2026-11-23 06:36:56', ...more };
    }

    status(id, word, more = {}) {
        return this.kind === 'twilio'
            ? { SmsSid: id, SmsStatus: word, MessageStatus: word, To: OURS, MessageSid: id,
                AccountSid: ACCOUNT.twilio, From: OURS, ApiVersion: '2010-04-01', ...more }
            : { msisdn: '4511', to: OURS, 'network-code': '23801', messageId: id, price: '0.03', status: word,
                scts: '2611230636', 'err-code': '0', 'message-timestamp': '2026-11-23 06:36:56', ...more };
    }

    /** What stands beside the fields: a header, or fields of its own. */
    signed(fields, options = {}) {
        if (this.kind === 'twilio') {
            const url = (options.publicUrl ?? this.publicUrl) + (options.query ? `?${options.query}` : '');
            return { fields, headers: { 'X-Twilio-Signature': twilio.getExpectedTwilioSignature(
                options.token ?? TOKEN, url, options.unsigned ? {} : fields) } };
        }
        const all = { nonce: 'f1d2', timestamp: String(Math.floor(Date.now() / 1000) - (options.age ?? 0)), ...fields };
        all.sig = nexmo.generateSignature(HASHES[this.hash], options.token ?? SECRET, all);
        return { fields: all, headers: {} };
    }

    /** As a JWT of Vonage's, which its own SDK takes. */
    jwt(body, claims = {}, options = {}) {
        const token = jsonwebtoken.sign({ iat: Math.floor(Date.now() / 1000), jti: 'x', iss: 'Vonage',
            api_key: ACCOUNT.vonage, payload_hash: createHash('sha256').update(body).digest('hex'), ...claims },
            options.secret ?? SECRET, { algorithm: options.algorithm ?? 'HS256' });
        if (!options.algorithm) assert.equal(vonageJwt.verifySignature(token, options.secret ?? SECRET), true);
        return { Authorization: `Bearer ${token}` };
    }

    /** Posts a form (or what `as` says: 'get', 'json'), signed; again as long as it is told to. */
    async hook(gw, fields, options = {}) {
        for (const end = Date.now() + 5000; ;) {
            const answer = await this.once(gw, fields, options);
            if (answer.status !== 503 || Date.now() > end) return answer;
            await sleep(50);
        }
    }

    async once(gw, fields, options = {}) {
        const { fields: all, headers } = options.headers ? { fields, headers: options.headers }
            : this.signed(fields, options);
        const url = `${gw.url}/hooks/${options.channel ?? 'sms'}` + (options.query ? `?${options.query}` : '');
        const res = options.as === 'get' ? await fetch(`${url}?${new URLSearchParams(all)}`, { headers })
            : await fetch(url, { method: 'POST', headers: {
                'Content-Type': options.as === 'json' ? 'application/json'
                    : 'application/x-www-form-urlencoded; charset=UTF-8', ...headers },
                body: options.raw ?? (options.as === 'json' ? JSON.stringify(all) : new URLSearchParams(all).toString()) });
        return { status: res.status, type: res.headers.get('content-type'), text: await res.text() };
    }

    say(gw, from, text, more = {}, options = {}) { return this.hook(gw, this.message(from, text, more), options); }
    receipt(gw, id, word, more = {}) { return this.hook(gw, this.status(id, word, more)); }

    async stop() {
        this.server.closeAllConnections();
        await new Promise(done => this.server.close(done));
    }
}
