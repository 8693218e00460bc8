/**
 * desk.mjs - a human at the built-in desk: its HTTP API and its event stream.
 *
 *   const mia = new Desk(gw, 'token-of-mia');
 *   const { status, body } = await mia.post(`/handoffs/${id}/accept`);
 *   const [handoff] = await mia.list('queued');
 *   await mia.listen();                                 // tandem.desk.v1
 *   const event = await mia.event('handoff.message');   // the next of that type
 *   await mia.stream({ ticket });                       // the same, as server-sent events
 *
 * MIA is for a conf: a desk with a queue, help, and one human, whose token is token-mia.
 */
import { Socket } from './chat.mjs';
import { until } from './gateway.mjs';

export const MIA = `[desk support]
type = web
allow = name
[queue help]
desk = support
[human mia]
name = Mia
token = token-mia
desks = support
`;

const ANSWERS = 15000; // ms; who asks while the gateway is killed does not wait for ever

export class Desk {
    constructor(gw, token, path = '/desk/v1') {
        this.gw = gw;
        this.path = path;
        this.token = token;
        this.events = []; // not yet taken
        this.heard = [];  // all
    }

    async request(method, path, body, headers = {}) {
        const res = await fetch(`${this.gw.url}${this.path}${path}`, {
            method, headers: { Authorization: `Bearer ${this.token}`, ...headers },
            signal: AbortSignal.timeout(ANSWERS),
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await res.text();
        return { status: res.status, body: text ? JSON.parse(text) : null, headers: res.headers };
    }

    get(path) { return this.request('GET', path); }
    post(path, body, headers) { return this.request('POST', path, body, headers); }
    presence(state = 'available') { return this.request('PUT', '/me/presence', { state }); }

    /** After a start: until the desk has taken up what was under way. */
    ready() {
        return until(async () => (await this.get('/me')).status === 200, 'the desk to be ready', 20000);
    }

    async list(state = 'queued') {
        const { status, body } = await this.get(`/handoffs?state=${state}`);
        if (status !== 200) throw new Error(`list: ${status} ${JSON.stringify(body)}`);
        return body.handoffs;
    }

    /** Waits until a handoff of this state is there, of this session when one is given. */
    waiting(state = 'queued', ms = 20000) {
        return until(async () => (await this.list(state))[0], `a handoff that is ${state}`, ms);
    }

    async listen(last) {
        this.socket = await Socket.open(`${this.gw.wsUrl}${this.path}/events`,
                                        { protocol: 'tandem.desk.v1' });
        this.socket.onText = text => this.hear(JSON.parse(text));
        this.socket.send(JSON.stringify({ type: 'hello', token: this.token, last }));
        return this.event('welcome');
    }

    hear(event) {
        this.events.push(event);
        this.heard.push(event);
    }

    /** Server-sent events, as an EventSource reads them: by a ticket, or by the token. `lastId` is
     *  kept as a browser keeps it. */
    async stream({ ticket, last, headers = {} } = {}) {
        const query = ticket ? `?ticket=${ticket}` : '';
        this.reading = new AbortController();
        const res = await fetch(`${this.gw.url}${this.path}/events${query}`, {
            signal: this.reading.signal,
            headers: { Accept: 'text/event-stream', ...headers,
                       ...(ticket ? {} : { Authorization: `Bearer ${this.token}` }),
                       ...(last ? { 'Last-Event-ID': last } : {}) },
        });
        if (res.status !== 200) return { status: res.status, body: await res.json() };
        this.read(res.body).catch(() => {}); // it ends when the daemon or close() ends it
        return { status: 200, type: res.headers.get('content-type') };
    }

    async read(body) {
        let rest = '';
        for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
            const parts = (rest + chunk).split('\n\n');
            rest = parts.pop();
            for (const line of parts.flatMap(part => part.split('\n'))) {
                if (line.startsWith('id: ')) this.lastId = line.slice(4);
                if (line.startsWith('data: ')) this.hear(JSON.parse(line.slice(6)));
            }
        }
    }

    /** The next event of this type; it and what came before it are taken. */
    async event(type, ms = 20000) {
        const at = await until(() => this.events.findIndex(e => e.type === type) + 1,
                               `the event ${type}`, ms);
        return this.events.splice(0, at).at(-1);
    }

    close() {
        this.socket?.close();
        this.reading?.abort();
    }
}
