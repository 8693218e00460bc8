/**
 * native.mjs - a human who answers the customer with the provider's own app: the agent keeps still,
 * our own messages are not taken for theirs, and after the silence the agent goes on.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';
import { Provider } from '../lib/provider.mjs';

const KEY = 'a-key-of-the-provider';
let gw, agent, provider, at = 0;

before(async () => {
    agent = await Agent.start();
    provider = await Provider.start();
    gw = await Gateway.start({ conf: `
[channel hook]
type = webhook
agent = bot
verify = bearer
secret = ${KEY}
message_list = /messages/*
echo_list = /echoes/*
echo_name = /by
url = ${provider.url}/out
native_hold = 2s
[agent bot]
type = http
url = ${agent.url('bot')}
breaker_failures = 0
` });
});
after(async () => {
    await gw?.close();
    await agent?.stop();
    provider?.stop();
});

const hook = async body => {
    const res = await fetch(`${gw.url}/hooks/hook`, {
        method: 'POST', headers: { Authorization: `Bearer ${KEY}` }, body: JSON.stringify(body),
    });
    assert.equal(res.status, 200);
    return res.json();
};
const says = (from, text) => hook({ messages: [{ id: `m${++at}`, from, text }] });
const echo = (to, text, id = `e${++at}`) =>
    hook({ echoes: [{ id, to, text, by: 'Ole' }] });
const sent = to => provider.heard(to);
const asked = async text => (await agent.seen('bot')).filter(q => q.raw.includes(text)).length;

// fazer-ai/agents#430, PR 433; evolution-foundation/evo-crm-community#82; sarrazola/openlivery PR 90
test('a reply from the paired phone makes the agent keep still until it is silent there', async () => {
    await agent.script('bot', ['body:{"messages":[{"text":"I am the agent"}]}']);
    await says('+451', 'first');
    await until(() => sent('+451').length === 1, 'the answer', 20000);
    assert.equal((await echo('+451', 'This is Ole, one moment')).accepted, 1);
    await says('+451', 'second');
    await sleep(300);
    assert.equal(await asked('second'), 0);
    assert.equal((await echo('+451', 'Done, second as well')).accepted, 1);
    await says('+451', 'third');
    await until(async () => (await asked('third')) === 1, 'the agent to go on', 20000);
    const turn = (await agent.seen('bot')).find(q => q.raw.includes('third'));
    const body = JSON.parse(turn.raw);
    assert.equal(body.human_stretch.by, 'Ole');
    assert.deepEqual(body.messages.map(m => m.text), ['third']); // second had its answer
    assert.ok(body.history.some(m => m.text === 'Done, second as well' && m.author === 'human'));
    assert.ok(!sent('+451').includes('Done, second as well'), 'it is not sent once more');
});

test('what we have sent ourselves is no human, by its id and by its words', async () => {
    await agent.script('bot', ['body:{"messages":[{"text":"our own words"}]}']);
    await says('+452', 'hello');
    await until(() => sent('+452').length === 1, 'the answer', 20000);
    await echo('+452', 'our own words', `p${provider.posts.length}`);
    await echo('+452', 'our own words', 'an-id-that-came-late');
    await says('+452', 'are you a bot?');
    await until(() => sent('+452').length === 2, 'the next answer', 20000);
});

test('an echo that comes again, or belongs to nobody, does nothing', async () => {
    await agent.script('bot', ['body:{"messages":[{"text":"yes"}]}']);
    await says('+453', 'hi');
    await until(() => sent('+453').length === 1, 'the answer', 20000);
    assert.deepEqual(await echo('+453', 'mine now', 'twice'),
                     { accepted: 1, duplicates: 0, unknown: 0, refused: 0 });
    assert.equal((await echo('+453', 'mine now', 'twice')).accepted, 1);
    assert.equal((await echo('+999', 'to a stranger')).refused, 1);
    assert.equal((await hook({ echoes: [{ id: 'x' }] })).unknown, 1);
});
