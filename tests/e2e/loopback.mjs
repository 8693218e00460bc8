/**
 * loopback.mjs - the smallest whole gateway: one channel that talks to itself, one agent that
 * repeats; no network. Every word crosses the journal twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Gateway, until } from '../lib/gateway.mjs';

const TURNS = 50;

async function count(gw, direction) {
    const text = await (await fetch(`${gw.url}/metrics`)).text();
    const line = `tandem_messages_total\\{channel="loop",direction="${direction}"\\} (\\d+)`;

    return Number(text.match(new RegExp(line))?.[1] ?? 0);
}

test('a customer who repeats and an agent who repeats talk until the turns are used up', async () => {
    const gw = await Gateway.start({
        conf: `[channel loop]\ntype = loopback\nagent = echo\nstart = hello\nturns = ${TURNS}\n` +
            'delay = 0\n\n[agent echo]\ntype = echo\n',
    });

    try {
        await until(async () => await count(gw, 'out') === TURNS + 1, 'the last answer', 20000);
        assert.equal(await count(gw, 'in'), TURNS + 1);
        await gw.restart(); // its first word of this run is a new one, not a repetition
        await until(async () => await count(gw, 'out') === TURNS + 1, 'the last answer', 20000);
        assert.equal((await gw.stop()).code, 0);
        assert.doesNotMatch(gw.log, /level=(warn|error) .*channel=loop/);
    } finally {
        await gw.close();
    }
});
