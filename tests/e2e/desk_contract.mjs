/**
 * desk_contract.mjs - the examples of tandem-desk(7), run as they stand; and every answer and event of
 * the built-in desk against conf/schemas/desk.json, which names every member that there is.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, said } from '../lib/front.mjs';
import { Gateway, srcdir, until } from '../lib/gateway.mjs';
import { peer } from '../lib/peers.mjs';

const Ajv = peer('ajv/dist/2020.js');
const skip = Ajv ? false : 'the npm package ajv is not there';
const schemaOf = name => JSON.parse(readFileSync(join(srcdir, `conf/schemas/${name}.json`)));
let gw, front, fits;

const conf = () => front.conf(`[desk support]
type = web
[queue billing]
desk  = support
lease = 4s
[queue other]
desk = support
[human mia]
name      = Mia
token     = token-mia
languages = en
supervise = yes
[human noah]
token = token-noah
`);

/** No member that is not described. */
function closed(schema) {
    if (schema === null || typeof schema !== 'object') return schema;
    if (Array.isArray(schema)) return schema.map(closed);
    const copy = Object.fromEntries(Object.entries(schema).map(([k, v]) => [k, closed(v)]));
    return copy.type === 'object' && copy.properties ? { ...copy, additionalProperties: false } : copy;
}

before(async () => {
    front = await Front.start();
    gw = await Gateway.start({ conf: conf() });
    if (skip) return;
    const ajv = new Ajv({ strict: true, allowUnionTypes: true });
    ajv.addSchema(schemaOf('transfer'));
    ajv.addSchema(closed(schemaOf('desk')), 'desk');
    fits = (name, value) => {
        const validate = ajv.getSchema(`desk#/$defs/${name}`);
        assert.ok(validate(value),
                  `${name}: ${JSON.stringify(value)}\n${JSON.stringify(validate.errors)}`);
        return value;
    };
});

after(async () => {
    await gw?.close();
    await front?.stop();
});

const human = (name = 'mia') => new Desk(gw, `token-${name}`);

test('answers and events are those of the schema, and nothing is in them that it does not name',
     { skip }, async () => {
    const mia = human(), noah = human('noah'), sse = human();
    const get = async (name, path, who = mia) => fits(name, (await who.get(path)).body);
    const post = async (name, path, body, who = mia) => fits(name, (await who.post(path, body)).body);
    await mia.listen();
    await noah.listen();
    const { ticket } = await post('ticket', '/tickets');
    await sse.stream({ ticket });
    fits('done', (await mia.presence()).body);
    await get('me', '/me');
    await get('team', '/team');

    const { chat, handoff } = await front.waiting(gw, mia, 'a human, please',
                                                  { locale: 'en-GB', customer: { name: 'Dana' } });
    const path = `/handoffs/${handoff.id}`;
    await chat.say('an addition');
    await until(() => mia.events.some(e => e.type === 'handoff.delta'), 'the addition', 20000);
    await until(() => mia.heard.some(e => e.type === 'queue'), 'its place in the line', 20000);
    await get('handoffs', '/handoffs');
    await post('done', `${path}/accept`, undefined, noah);
    await post('error', `${path}/accept`);
    await get('handoffs', '/handoffs?state=live');
    const file = await (await fetch(`${gw.url}/desk/v1/files?name=a.txt`, {
        method: 'POST', body: 'words', headers: { Authorization: 'Bearer token-noah',
                                                  'Content-Type': 'text/plain' } })).json();
    fits('file', file);
    const said_ = { id: 'm1', text: 'Hello', attachments: [file.id] };
    await post('done', `${path}/messages`, fits('message_in', said_), noah);
    const shown = await chat.next(f => f.type === 'message' && f.text === 'Hello');
    chat.send({ type: 'typing', on: true });
    chat.send({ type: 'read', seq: shown.seq });
    await post('done', `${path}/typing`, { on: true }, noah);
    await post('done', `${path}/note`, { text: 'a note' });
    await post('done', `${path}/tags`, { tags: ['a'] });
    await get('opened', path);
    await noah.event('handoff.lease'); // it will be warned
    await post('done', `${path}/extend`, undefined, noah);
    await post('done', `${path}/transfer`, { human: 'mia', note: 'yours' }, noah);
    const next = await until(async () => (await mia.list()).find(h => h.session ===
        chat.welcome.session), 'the transfer', 20000);
    await post('done', `/handoffs/${next.id}/accept`);
    await chat.say('to Mia');
    const end = fits('end_in', { note: 'n', wrapup: { outcome: 'resolved', escalation: 'late' } });
    await post('done', `/handoffs/${next.id}/return`, end);
    await post('done', `/handoffs/${next.id}/review`, fits('review_in', { score: 3, note: 'fair' }));
    await get('handoffs', '/handoffs?state=closed');
    await get('handoffs', '/reviews');
    await get('opened', `/handoffs/${next.id}`);
    await chat.say('to the agent');
    await said(chat, 're: to the agent');
    await get('sessions', '/sessions');
    await get('opened', `/sessions/${chat.welcome.session}`);
    await post('done', `/sessions/${chat.welcome.session}/watch`);
    await chat.say('watched');
    await until(() => mia.events.some(e => e.message?.text === 'watched'), 'the watching', 20000);
    await get('replies', '/replies');
    await get('error', '/nothing');
    fits('error', (await new Desk(gw, 'wrong').get('/me')).body);
    const old = human();
    await old.listen(1);
    await old.event('resync');

    for (const who of [mia, noah, sse, old]) who.close();
    const seen = [mia, noah, sse, old].flatMap(who => who.heard);
    seen.forEach(e => fits('event', e));
    for (const type of ['offered', 'accepted', 'message', 'delta', 'ended', 'read', 'lease'])
        assert.ok(seen.some(e => e.type === `handoff.${type}`), type);
    for (const type of ['queue', 'typing', 'presence', 'welcome', 'resync'])
        assert.ok(seen.some(e => e.type === type), type);
    chat.close();
});

test('the examples of tandem-desk(7) do what it says', async () => {
    const page = readFileSync(join(srcdir, 'conf/tandem-desk.7'), 'utf8');
    const blocks = [...page.matchAll(/^\.EX\n([^]*?)^\.EE$/gm)].map(m => m[1]
        .replace(/\\-/g, '-').replace(/\\e/g, '\\'));
    const chat = await Chat.open(gw, 'web');
    await chat.say('I want a human, please');
    const id = (await until(async () => (await human().list()).find(h =>
        h.session === chat.welcome.session), 'the handoff', 20000)).id;
    const answers = [];
    for (const script of blocks) {
        const { stdout } = await promisify(execFile)('sh', ['-ec', script], {
            env: { ...process.env, DESK: `${gw.url}/desk/v1`, TOKEN: 'token-mia', HANDOFF: id,
                   SESSION: chat.welcome.session },
        }).catch(error => assert.fail(`${script}\n${error.stdout}\n${error.stderr}`));
        answers.push(stdout);
    }
    assert.ok(blocks.length >= 10);
    assert.match(answers[0], /"id":"mia"/);
    assert.ok(answers.some(text => text.includes('"package":{')));
    assert.ok(answers.some(text => text.includes('data: {"type":"welcome"')));
    await said(chat, 'Hello, how can I help?');
    chat.close();
});
