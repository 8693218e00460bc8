/**
 * queues.mjs - what the options of a queue and of its humans do, seen by customers and at the desk:
 * assign, sticky, capacity, priority, overflow, need_human, skills, languages, response_timeout; and
 * humans and desks that vanish. Each test has a queue and humans of its own, told apart by a skill.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, said, texts } from '../lib/front.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

let gw, front;

const queue = (name, keys, skill = name) =>
    `[queue ${name}]\ndesk = support\nskills = ${skill}\n${keys}\n`;
const someone = (name, skill, keys = '') =>
    `[human ${name}]\nname = ${name}\ntoken = token-${name}\nskills = ${skill}\n${keys}\n`;
const desks = '[desk support]\ntype = web\n[desk other]\ntype = web\npath = /other/v1/\n';
const queues = queue('push', 'assign = auto') + queue('sticks', 'assign = auto') +
    queue('small', 'capacity = 1\noverflow = second') + queue('second', '', 'small') +
    queue('patient', 'overflow_after = 1s\noverflow = later') + queue('later', '', 'patient') +
    queue('low', 'assign = auto', 'rank') + queue('high', 'assign = auto\npriority = 9', 'rank') +
    queue('needs', 'need_human = yes') + queue('skilled', 'assign = auto') + queue('talk', '') +
    queue('quick', 'response_timeout = 1s\non_lease = return') + queue('lost', '') +
    '[queue away]\ndesk = other\nskills = away\n';
const humans = someone('p1', 'push', 'capacity = 1') + someone('p2', 'push', 'capacity = 1') +
    someone('s1', 'sticks') + someone('s2', 'sticks') + someone('c1', 'small') +
    someone('o1', 'patient') + someone('r1', 'rank', 'capacity = 1') + someone('n1', 'needs') +
    someone('k1', 'skilled') + someone('k2', 'nothing') +
    someone('de', 'talk', 'languages = de') + someone('en', 'talk', 'languages = en') +
    someone('q1', 'quick') + someone('v1', 'lost') + someone('v2', 'lost') + someone('a1', 'away');

const conf = (without = /^$/) => front.conf((desks + queues + humans).split(/^(?=\[)/m)
    .filter(part => !without.test(part)).join(''), 'talk');

before(async () => {
    front = await Front.start();
    gw = await Gateway.start({ conf: conf(), tandem: { presence: '3s', desk_grace: '200ms' } });
});

after(async () => {
    await gw?.close();
    await front?.stop();
});

const human = name => new Desk(gw, `token-${name}`);
const held = async (who, chat) =>
    (await human(who).list('mine')).find(h => h.session === chat.welcome.session);
const inQueue = async (who, chat) =>
    (await human(who).list()).find(h => h.session === chat.welcome.session);
const gets = (who, chat) =>
    until(() => held(who, chat), `${who} has the customer`, 20000);
const waits = (who, chat) =>
    until(() => inQueue(who, chat), `${who} sees the customer wait`, 20000);

async function customer(text, hello = {}) {
    const chat = await Chat.open(gw, 'web', { hello });
    await chat.say(text);
    return chat;
}

/** They are heard of for as long as the test runs, however slow the machine is. */
function staying(t, ...names) {
    const timer = setInterval(() => names.forEach(n => human(n).get('/me').catch(() => {})), 500);
    t.after(() => clearInterval(timer));
}

/** The next change of owner to this kind after now. */
const owned = (chat, kind, from = chat.frames.length) => until(
    () => chat.frames.slice(from).find(f => f.type === 'owner' && f.owner.kind === kind), kind, 20000);

/** How often this customer read that the human had to go. */
const toldOfIt = chat => texts(chat, 'system').filter(t => /had to go/.test(t)).length;

const end = async (who, handoff) =>
    assert.equal((await human(who).post(`/handoffs/${handoff.id}/return`, {})).status, 200);

test('assign = auto: it is pushed to who is available and has room; the next one waits', async t => {
    staying(t, 'p1', 'p2');
    await human('p1').presence();
    const first = await customer('a human, to push');
    const one = await gets('p1', first);
    assert.equal(one.queue, 'push');
    await first.next(f => f.type === 'owner' && f.owner.kind === 'human');
    const second = await customer('a human, to push');
    await waits('p1', second);
    await human('p2').presence();
    const two = await gets('p2', second);
    const third = await customer('a human, to push');
    const waiting = await waits('p1', third);
    assert.equal(waiting.position, 1);
    await end('p1', one);
    await end('p1', await gets('p1', third));
    await end('p2', two);
    for (const chat of [first, second, third]) chat.close();
});

test('sticky: a customer who comes again gets the human who had them', async t => {
    staying(t, 's1', 's2');
    await human('s1').presence();
    const chat = await customer('a human, to sticks');
    await end('s1', await gets('s1', chat));
    await human('s2').presence();
    await human('s1').presence();
    const busy = await customer('a human, to sticks'); // s2's: has waited for work the longest
    const theirs = await gets('s2', busy);
    const more = await customer('a human, to sticks');
    const s1 = await gets('s1', more);
    await chat.say('a human, to sticks again'); // both have one: their last human, s1, is asked
    await end('s1', await gets('s1', chat));
    await end('s1', s1);
    await end('s2', theirs);
    for (const c of [chat, busy, more]) c.close();
});

test('capacity of a queue: who finds it full waits in the next one', async () => {
    const first = await customer('a human, to small');
    assert.equal((await waits('c1', first)).queue, 'small');
    const second = await customer('a human, to small');
    await until(async () => (await inQueue('c1', second))?.queue === 'second', 'the next queue', 20000);
    for (const chat of [first, second]) {
        const handoff = await waits('c1', chat);
        await human('c1').post(`/handoffs/${handoff.id}/accept`);
        await end('c1', handoff);
        chat.close();
    }
});

test('overflow_after: who has waited so long waits in the next queue, as the same handoff', async () => {
    const chat = await customer('a human, to patient');
    const before = await waits('o1', chat);
    assert.equal(before.queue, 'patient');
    const moved = await until(async () => {
        const handoff = await inQueue('o1', chat);
        return handoff?.queue === 'later' && handoff;
    }, 'the next queue', 20000);
    assert.equal(moved.id, before.id);
    assert.equal(new Set(texts(chat, 'system')).size, texts(chat, 'system').length);
    await human('o1').post(`/handoffs/${moved.id}/accept`);
    await end('o1', moved);
    chat.close();
});

test('priority: the urgent one is listed and assigned first, though it came last', async t => {
    staying(t, 'r1');
    const low = await customer('a human, to low');
    await waits('r1', low);
    const high = await customer('a human, to high');
    await waits('r1', high);
    const list = await human('r1').list();
    assert.deepEqual(list.map(h => [h.queue, h.priority]), [['high', 9], ['low', 0]]);
    await human('r1').presence();
    const first = await gets('r1', high);
    assert.ok(await inQueue('r1', low));
    await end('r1', first);
    await end('r1', await gets('r1', low));
    low.close();
    high.close();
});

test('need_human: with nobody there it is as if closed; with somebody it waits', async () => {
    const chat = await customer('a human, to needs');
    await until(() => texts(chat, 'system').some(t => /nobody is free/i.test(t)), 'the truth', 20000);
    assert.equal(await inQueue('n1', chat), undefined);
    await chat.say('and my parcel?');
    await said(chat, 're: and my parcel?');
    await human('n1').presence();
    await chat.say('now a human, to needs');
    const handoff = await waits('n1', chat);
    await human('n1').post(`/handoffs/${handoff.id}/accept`);
    await end('n1', handoff);
    chat.close();
});

test('skills: nobody is given, sees or takes what they cannot do', async () => {
    await human('k2').presence();
    const chat = await customer('a human, to skilled');
    const seen = await waits('k1', chat);
    assert.equal(await inQueue('k2', chat), undefined);
    const refused = await human('k2').post(`/handoffs/${seen.id}/accept`);
    assert.deepEqual([refused.status, refused.body.error.code], [403, 'not_eligible']);
    await human('k1').presence();
    await end('k1', await gets('k1', chat));
    chat.close();
});

test('a customer given to one human waits for them alone, whatever the queue asks for', async () => {
    const chat = await customer('a human, to skilled');
    const first = await waits('k1', chat);
    await human('k1').post(`/handoffs/${first.id}/accept`);
    assert.equal((await human('k1').post(`/handoffs/${first.id}/transfer`, { human: 'k2' })).status,
                 200);
    const given = await waits('k2', chat);
    assert.equal(await inQueue('k1', chat), undefined);
    await human('k1').presence(); // available, and not asked
    await human('k2').presence();
    await end('k2', { id: (await gets('k2', chat)).id });
    assert.equal(given.queue, 'skilled');
    chat.close();
});

test('languages: who speaks it sees it; a language that nobody speaks binds nobody', async () => {
    const german = await customer('a human, bitte', { locale: 'de-AT' });
    const handoff = await waits('de', german);
    assert.equal(await inQueue('en', german), undefined);
    assert.equal((await human('en').post(`/handoffs/${handoff.id}/accept`)).status, 403);
    const polish = await customer('a human, prosze', { locale: 'pl' });
    const any = await waits('en', polish);
    assert.ok(await inQueue('de', polish));
    for (const [who, one] of [['de', handoff], ['en', any]]) {
        assert.equal((await human(who).post(`/handoffs/${one.id}/accept`)).status, 200);
        await end(who, one);
    }
    german.close();
    polish.close();
});

test('response_timeout: who accepts and says nothing loses the customer to the agent', async () => {
    const chat = await customer('a human, to quick');
    const handoff = await waits('q1', chat);
    await human('q1').post(`/handoffs/${handoff.id}/accept`);
    await owned(chat, 'agent');
    const late = await human('q1').post(`/handoffs/${handoff.id}/messages`, { text: 'I am here' });
    assert.deepEqual([late.status, late.body.error.code], [409, 'over']);
    assert.equal(texts(chat).includes('I am here'), false);
    chat.close();
});

test('a human who vanishes gives the customer back; who was told so is told once', async () => {
    const chat = await customer('a human, to lost');
    const handoff = await waits('v1', chat);
    await human('v1').post(`/handoffs/${handoff.id}/accept`);
    await human('v1').post(`/handoffs/${handoff.id}/messages`, { id: 'v', text: 'One moment.' });
    await said(chat, 'One moment.'); // and then nothing is heard of v1 any more
    const again = await waits('v2', chat);
    assert.notEqual(again.id, handoff.id);
    await human('v2').post(`/handoffs/${again.id}/accept`);
    assert.equal((await human('v1').post(`/handoffs/${handoff.id}/messages`, { text: 'back!' })).status,
                 409);
    await until(() => toldOfIt(chat) > 0, 'that it is said', 20000);
    await end('v2', again);
    assert.equal(toldOfIt(chat), 1);
    chat.close();
});

test('who listens is present for as long as they listen', async () => {
    const listener = human('v2');
    await listener.stream();
    await listener.event('welcome');
    listener.presence();
    await until(async () => (await human('v1').get('/team')).body.humans
        .find(h => h.id === 'v2').presence === 'available', 'the presence');
    listener.close();
    await until(async () => (await human('v1').get('/team')).body.humans
        .find(h => h.id === 'v2').presence === 'offline', 'the end of it', 20000);
});

test('a desk that vanishes gives its customers back: they wait at the one that is left', async () => {
    const other = (method, path, body) => fetch(`${gw.url}/other/v1${path}`, {
        method, body, headers: { Authorization: 'Bearer token-a1' } });
    const chat = await customer('a human, to away');
    const handoff = await until(async () => (await (await other('GET', '/handoffs')).json())
        .handoffs.find(h => h.session === chat.welcome.session), 'the handoff', 20000);
    assert.equal((await other('POST', `/handoffs/${handoff.id}/accept`)).status, 200);
    await chat.next(f => f.type === 'owner' && f.owner.kind === 'human');
    gw.writeConf(conf(/^\[(desk other|queue away|human a1)\]/));
    gw.signal('SIGHUP');
    const again = await waits('en', chat); // in the channel's own queue, at the desk that is left
    assert.equal(again.queue, 'talk');
    await until(() => toldOfIt(chat) > 0, 'that it is said', 20000);
    assert.equal((await human('en').post(`/handoffs/${again.id}/accept`)).status, 200);
    await human('en').post(`/handoffs/${again.id}/messages`, { id: 'e', text: 'I go on.' });
    await said(chat, 'I go on.');
    await end('en', again);
    assert.equal(toldOfIt(chat), 1);
    assert.equal((await other('GET', '/me')).status, 404);
    chat.close();
});
