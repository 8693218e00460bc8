/**
 * provider.mjs - the provider behind a webhook channel: keeps what is posted to it, and posts.
 *
 *   const provider = await Provider.start();        // provider.url: for `url = .. /out`
 *   provider.conf('hook', 'agent = a\n');           // a channel of it, and more of its keys
 *   await provider.say(gw, 'hook', '+4512345678', 'Hello');
 *   provider.heard('+4512345678');                  // the texts that went there
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const KEY = 'a-key-of-the-provider';

export class Provider {
    static async start() {
        const provider = new Provider();
        await new Promise(done => provider.server.listen(0, '127.0.0.1', done));
        provider.url = `http://127.0.0.1:${provider.server.address().port}`;
        return provider;
    }

    constructor() {
        this.posts = [];
        this.server = createServer(async (req, res) => {
            let raw = '';
            for await (const chunk of req) raw += chunk;
            this.posts.push(JSON.parse(raw));
            res.end(`{"id":"p${this.posts.length}"}`);
        });
    }

    conf(name, keys) {
        return `[channel ${name}]\ntype = webhook\nverify = bearer\nsecret = ${KEY}\n` +
            `url = ${this.url}/out\n${keys}`;
    }

    async say(gw, channel, from, text) {
        const answer = await fetch(`${gw.url}/hooks/${channel}`, {
            method: 'POST', headers: { Authorization: `Bearer ${KEY}` },
            body: JSON.stringify({ id: randomUUID(), from, text }),
        });
        assert.equal(answer.status, 200, await answer.text());
    }

    heard(to) { return this.posts.filter(post => post.to === to).map(post => post.text); }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }
}
