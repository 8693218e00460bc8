/**
 * contracts.mjs - what really goes over the wire, against the published schemas and against others'
 * implementations: chat frames both ways, requests to agents, their answers, their signatures.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { builddir, Gateway, srcdir, until } from '../lib/gateway.mjs';
import { peer } from '../lib/peers.mjs';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const SORRY = 'Nobody can answer just now.';
const Ajv = peer('ajv/dist/2020.js');
const webhooks = peer('standardwebhooks');
const skip = Ajv && webhooks ? false : 'npm packages ajv and standardwebhooks are not there';

let agent, gw, schema;

before(async () => {
    if (skip) return;
    const ajv = new Ajv({ strict: true, allowUnionTypes: true });
    for (const name of ['agent-answer', 'agent-request', 'chat', 'transfer'])
        ajv.addSchema(JSON.parse(readFileSync(join(srcdir, `conf/schemas/${name}.json`))), name);
    schema = ref => ajv.getSchema(ref);
    agent = await Agent.start({ secret: SECRET });
    gw = await Gateway.start({
        tandem: { text_unavailable: SORRY },
        conf: `[channel c]\ntype = webchat\nagent = a\n\n[agent a]\ntype = http\n` +
            `url = ${agent.url('a')}\nsecret = ${SECRET}\nbreaker_failures = 0\n`,
    });
});

after(async () => {
    await gw?.close();
    await agent?.stop();
});

function fits(ref, value) {
    const validate = schema(ref);

    assert.ok(validate(value), `${JSON.stringify(value)}\n${JSON.stringify(validate.errors)}`);
}

async function answered(steps, text = 'hello') {
    const chat = await Chat.open(gw, 'c', {
        hello: { locale: 'da-DK', timezone: 'Europe/Copenhagen', tab: 'one',
                 customer: { id: 'c-88', name: 'Dana' } },
    });

    await agent.script('a', steps);
    await chat.say(text);
    return { chat, reply: await chat.message() };
}

test('chat frames are those of the schema, both ways', { skip }, async () => {
    const choices = '{"messages":[{"text":"Which?","choices":[{"title":"One","value":"1"}]}]}';
    const { chat, reply } = await answered([`body:${choices}`, 'ok']);

    assert.deepEqual(reply.choices, [{ title: 'One', value: '1' }]);
    chat.send({ type: 'typing', on: true });
    chat.send({ type: 'read', seq: reply.seq });
    chat.send({ type: 'message', id: 'c1', choice: '1' });
    await chat.message();
    chat.send({ type: 'message', id: 'c1', text: 'the same id again' });
    chat.send({ type: 'rating', score: 5, comment: 'fine' });
    const hello = { resume: chat.welcome.resume, last_seq: 0, tab: 'two' };
    const again = await Chat.open(gw, 'c', { hello });
    await until(() => again.frames.filter(f => f.type === 'message').length === 2, 'the replay');
    chat.sent.concat(again.sent).forEach(f => fits('chat#/$defs/client', f));
    chat.socket.send('{"type":"unheard of"}');
    await chat.next('error');
    chat.send({ type: 'leave' });
    await chat.next('bye').catch(() => {}); // or closed
    const frames = chat.frames.concat(again.frames).map(({ received, ...f }) => f);
    frames.forEach(f => fits('chat#/$defs/server', f));
    for (const type of ['welcome', 'accepted', 'message', 'echo', 'error'])
        assert.ok(frames.some(f => f.type === type), `a ${type} was among them`);
    again.close();
});

test('requests to agents fit the schema and Standard Webhooks', { skip }, async () => {
    const { chat } = await answered(['body:{"messages":[{"text":"a"}],"state":{"n":1}}', 'ok']);

    await chat.say('more');
    await chat.message();
    const seen = await agent.seen('a');
    assert.equal(seen.length, 2);
    for (const { body, raw, headers } of seen) {
        fits('agent-request', body);
        assert.equal(raw, JSON.stringify(body), 'compact');
        assert.ok(raw.indexOf('"messages"') < raw.indexOf('"history"'));
        assert.deepEqual(new webhooks.Webhook(SECRET).verify(raw, headers), body);
        assert.throws(() => new webhooks.Webhook(SECRET).verify(`${raw} `, headers));
    }
    assert.equal(seen[0].body.session.customer.name, 'Dana');
    assert.equal(seen[0].body.session.timezone, 'Europe/Copenhagen');
    chat.close();
});

test('the schema of answers and the gateway take the same answers', { skip }, async () => {
    const answers = [
        { messages: [{ text: 'a' }] },
        { messages: [{ text: 'a', choices: [{ title: 't' }], attachments: [] }], decision: null },
        { messages: [{ choices: [{ title: 't', value: 'v' }] }] },
        { messages: [{ text: 'a' }], decision: 'clarify', clarify: { slot: 'order_id' } },
        { messages: [{ text: 'a' }], intent: { name: 'refund', confidence: 1 }, entities: {},
          grounded: false, sources: ['x'], summary: 's', language: 'en', state: {}, foreign: 1 },
        { messages: [] }, {}, { messages: [{}] }, { messages: [{ text: '' }] }, { messages: ['a'] },
        { messages: [{ text: 7 }] }, { messages: {} }, { messages: Array(11).fill({ text: 'a' }) },
        { messages: [{ text: 'a', choices: [{ value: 'v' }] }] }, { silent: 1 },
        { decision: 'later' }, { messages: [{ text: 'a' }], decision: 'resolved' },
        { messages: [{ text: 'a' }], state: 's' },
        { messages: [{ text: 'a' }], intent: { confidence: 1.5 } }, { calls: [{ call: 'k' }] },
        { messages: [{ text: 'a' }], sources: {} }, { messages: [{ text: 'a' }], grounded: 'no' },
    ];

    for (const answer of answers) {
        const { chat, reply } = await answered([`body:${JSON.stringify(answer)}`]);
        assert.equal(reply.text !== SORRY, schema('agent-answer')(answer), JSON.stringify(answer));
        chat.close();
    }
});

test('random transfer packages fit the schema', { skip }, t => {
    const program = join(builddir, 'tests/unit/test_package');

    if (!existsSync(program)) return t.skip('tests/unit/test_package is not built');
    const lines = execFileSync(program, ['print', '200'], { maxBuffer: 1 << 26 }).toString();
    const packages = lines.trimEnd().split('\n').map(line => JSON.parse(line));
    assert.equal(packages.length, 200);
    packages.forEach(each => fits('transfer', each));
});
