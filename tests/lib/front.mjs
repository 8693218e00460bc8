/**
 * front.mjs - an agent over HTTP that does what the customer's words say.
 *
 *   'human'         escalates (refund_dispute); 'to NAME' besides: to the queue NAME
 *   'slow'          does not answer before front.release(), and then too late (unless front.quick)
 *   'late'          answers 202: the answer would come by itself; front.turns has the turn
 *   'scripted'      answers front.answers
 *   anything else   answers 're: ' and what was said
 *
 *   const front = await Front.start();     // front.url, front.turns: what it was asked
 *   front.conf('[desk support]\n..');     // a web chat with this agent, and that
 *   const { chat, handoff } = await front.waiting(gw, mia, 'a human, please');
 *   await front.stop();
 */
import { createServer } from 'node:http';

import { Chat } from './chat.mjs';
import { until } from './gateway.mjs';

export class Front {
    /** tooLate: what is answered when 'slow' is released. */
    static async start({ tooLate = { messages: [{ text: 'too late' }] } } = {}) {
        const front = new Front();
        front.tooLate = tooLate;
        await new Promise(done => front.server.listen(0, '127.0.0.1', done));
        front.url = `http://127.0.0.1:${front.server.address().port}/`;
        return front;
    }

    constructor() {
        this.turns = [];
        this.held = [];
        this.server = createServer(async (req, res) => {
            let raw = '';
            for await (const chunk of req) raw += chunk;
            this.answer(JSON.parse(raw), res);
        });
    }

    /** A web chat that this agent answers, and what more there is. No rule asks for a human before
     *  the agent does. */
    conf(more = '', queue = 'billing') {
        return `[channel web]\ntype = webchat\nagent = front\nqueue = ${queue}\nrate = 0\n` +
            '[rule human]\ncode = customer_request\nwhen = want_human\nmode = off\n' +
            `[agent front]\ntype = http\nurl = ${this.url}\n${more}`;
    }

    answer(body, res) {
        const text = body.messages.map(m => m.text).join(' ');
        const say = answer =>
            res.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
        this.turns.push(body);
        if (this.failing) return res.writeHead(500).end();
        if (text.includes('slow') && !this.quick) return this.held.push(() => say(this.tooLate));
        if (text.includes('late')) return res.writeHead(202).end();
        if (text.includes('scripted') && this.answers) return say(this.answers);
        if (!text.includes('human')) return say({ messages: [{ text: `re: ${text}` }] });
        say({ decision: 'escalate', messages: [],
              escalate: { code: 'refund_dispute', text: 'The refund is over the limit.',
                          queue: /to (\w+)/.exec(text)?.[1] },
              intent: { name: 'refund', confidence: 0.9 }, entities: { order_id: 'A-10023' },
              summary: 'Wants a refund for order A-10023.' });
    }

    release() { this.held.splice(0).forEach(answer => answer()); }

    /** A new customer who waits for a human, as this human of the desk sees it. */
    async waiting(gw, human, text = 'I want a human, please', hello = {}, channel = 'web') {
        const chat = await Chat.open(gw, channel, { hello });
        await chat.say(text);
        const handoff = await until(async () => (await human.list())
            .find(h => h.session === chat.welcome.session), 'the handoff in the queue', 20000);
        return { chat, handoff };
    }

    async stop() {
        this.server.closeAllConnections();
        this.server.close();
    }
}

/** What a customer was shown as messages; `kind`: of these authors only. */
export const texts = (chat, kind) => chat.frames
    .filter(f => f.type === 'message' && (!kind || f.author.kind === kind)).map(f => f.text);

export const said = (chat, text) =>
    until(() => texts(chat).includes(text), `the customer reads '${text}'`, 20000);

/** Everything this customer was ever shown, by a replay on a second connection. */
export async function replayed(gw, chat, channel = 'web') {
    const again = await Chat.open(gw, channel, { hello: { resume: chat.welcome.resume, last_seq: 0 } });
    again.send({ type: 'nothing' }); // its refusal comes after the replay
    await again.next('error');
    again.close();
    return texts(again);
}
