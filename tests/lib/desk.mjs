/**
 * desk.mjs - a human at the built-in desk: its HTTP API and its event stream.
 *
 *   const mia = new Desk(gw, 'token-of-mia');
 *   const { status, body } = await mia.post(`/handoffs/${id}/accept`);
 *   const [handoff] = await mia.list('queued');
 *   await mia.listen();                                 // tandem.desk.v1
 *   const event = await mia.event('handoff.message');   // the next of that type
 */
import { Socket } from './chat.mjs';
import { until } from './gateway.mjs';

export class Desk {
    constructor(gw, token) {
        this.gw = gw;
        this.token = token;
        this.events = [];
    }

    async request(method, path, body, headers = {}) {
        const res = await fetch(`${this.gw.url}/desk/v1${path}`, {
            method, headers: { Authorization: `Bearer ${this.token}`, ...headers },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await res.text();
        return { status: res.status, body: text ? JSON.parse(text) : null, headers: res.headers };
    }

    get(path) { return this.request('GET', path); }
    post(path, body, headers) { return this.request('POST', path, body, headers); }
    presence(state = 'available') { return this.request('PUT', '/me/presence', { state }); }

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
        this.socket = await Socket.open(`${this.gw.wsUrl}/desk/v1/events`,
                                        { protocol: 'tandem.desk.v1' });
        this.socket.onText = text => this.events.push(JSON.parse(text));
        this.socket.send(JSON.stringify({ type: 'hello', token: this.token, last }));
        return this.event('welcome');
    }

    /** The next event of this type; it and what came before it are taken. */
    async event(type, ms = 20000) {
        const at = await until(() => this.events.findIndex(e => e.type === type) + 1,
                               `the event ${type}`, ms);
        return this.events.splice(0, at).at(-1);
    }

    close() { this.socket?.close(); }
}
