/** cli.mjs - tandemd's command line: what it prints, and with which code it ends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Gateway, builddir } from '../lib/gateway.mjs';

const dir = mkdtempSync(join(tmpdir(), 'tandem-cli-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const binary = process.env.TANDEMD ?? join(builddir, 'tandemd');

function run(args, options = {}) {
    return spawnSync(binary, args, { cwd: dir, encoding: 'utf8', timeout: 20000, ...options });
}

function write(name, text) {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return name;
}

const here = 'store = sqlite:t.db\nlisten = 127.0.0.1:0\n';
const chat = '[channel web]\ntype = webchat\nagent = e\n[agent e]\ntype = echo\n';

test('an empty conf is a good one', () => {
    const end = run(['-t', '-c', write('empty.conf', '')]);
    assert.equal(end.stderr, 'tandemd: empty.conf is good\n');
    assert.equal(end.status, 0);
});

test('-t names a text that is missing or wrong: state, kind of channel, language', () => {
    write('own.conf', '[texts en]\nqueued = You are [{positon}]\nqueud.sms = x\n');
    let end = run(['-t', '-c', write('texts.conf', '[tandem]\nstore = memory:\ntexts = own.conf\n')]);
    assert.equal(end.stderr, [
        "own.conf:2:1: in [texts en]: there is no variable 'positon'; did you mean 'position'?",
        '    2 | queued = You are [{positon}]',
        "own.conf:3:1: in [texts en]: there is no text 'queud'; did you mean 'queued'?",
        '    3 | queud.sms = x', '2 errors; nothing was changed', ''].join('\n'));
    assert.equal(end.status, 64);
    write('own.conf', '[texts nl]\nlive = Er is nu iemand voor u.\n');
    end = run(['-t', '-c', write('texts.conf',
        '[tandem]\nstore = memory:\nlanguages = de, nl\ntexts = own.conf\n')]);
    assert.match(end.stderr, /^texts\.conf:3:13: the text ai_here\.chat in language 'nl' is missing$/m);
    assert.match(end.stderr, /^texts\.conf:3:13: the text queued\.voice in language 'nl' is missing$/m);
    assert.doesNotMatch(end.stderr, /the text live\.|language 'de'/);
    assert.equal(end.status, 64);
});

test('-t names the language that a rule does not speak', () => {
    const conf = (languages, rule) => write('rules.conf', '[tandem]\nstore = memory:\n' +
        `languages = ${languages}\ntexts = own.conf\n${rule}`);
    const vip = '[rule vip]\ncode = sales_call\nwhen = quote\n';
    write('own.conf', '[texts de]\nrule.vip = Gleich.\n');
    assert.match(run(['-t', '-c', conf('de, en', vip)]).stderr,
                 /^rules\.conf:3:13: the text rule\.vip in language 'en' is missing$/m);
    const end = run(['-t', '-c', conf('en, de, fr', `${vip}text = Soon.\n`)]);
    assert.match(end.stderr, /warning: rule vip: who writes in 'fr' hears its text too: give \[texts fr\]/);
    assert.doesNotMatch(end.stderr, /'de'|'en'/);
    assert.equal(end.status, 0);
    assert.match(run(['-t', '-c', conf('de', '')]).stderr,
                 /warning: rule\.vip in \[texts de\] is never said: there is no such rule/);
});

test('--texts says what customers hear, with the texts of the operator', () => {
    write('own.conf', '[texts da]\nlive = [{human}|En af os] er her.\n');
    write('texts.conf', '[tandem]\nstore = memory:\nbusiness = Havn ApS\ntexts = own.conf\n');
    const end = run(['-c', 'texts.conf', '--texts', 'da']);
    assert.equal(end.status, 0, end.stderr);
    assert.match(end.stdout, /^live\n {4}chat: Mia er her\.\n {4}email: Hej, \/ /m);
    assert.match(end.stdout, /velkommen til Havn ApS!/);
    assert.equal(run(['-c', 'texts.conf', '--texts', 'nl']).status, 1);
});

test('-t checks desks, queues and humans against one another', () => {
    write('desks.conf', [
        '[tandem]', 'store = memory:', '[channel web]', 'type = webchat', 'agent = e',
        'queue = biling', '[agent e]', 'type = echo', '[desk support]', 'type = web',
        '[queue billing]', 'desk = suport', 'hours = Mon-Fri 09:00-17:00 Europe/Copenhagn',
        '[queue b]', 'desk = support', 'overflow = c', 'skills = rare',
        '[queue c]', 'desk = support', 'overflow = b',
        '[human mia]', 'token = one', 'desks = support, suppor', '[human leo]', 'token = one',
        'capasity = 3', '',
    ].join('\n'));
    const end = run(['-t', '-c', 'desks.conf']);
    assert.equal(end.stderr, [
        "desks.conf:6:9: there is no [queue biling]; did you mean 'billing'?",
        '    6 | queue = biling',
        "desks.conf:12:8: there is no [desk suport]; did you mean 'support'?",
        '   12 | desk = suport',
        "desks.conf:13:9: there is no time zone 'Europe/Copenhagn' in /usr/share/zoneinfo",
        '   13 | hours = Mon-Fri 09:00-17:00 Europe/Copenhagn',
        'desks.conf:16:12: this chain of `overflow` comes back to where it began',
        '   16 | overflow = c',
        'desks.conf:20:12: this chain of `overflow` comes back to where it began',
        '   20 | overflow = b',
        "desks.conf:22:9: warning: 'token' in [human mia] stands in plain text; better use " +
            '@file:, @cred: or @env:',
        '   22 | token = ****',
        "desks.conf:23:18: there is no [desk suppor]; did you mean 'support'?",
        '   23 | desks = support, suppor',
        "desks.conf:25:9: warning: 'token' in [human leo] stands in plain text; better use " +
            '@file:, @cred: or @env:',
        '   25 | token = ****',
        'desks.conf:25:9: [human mia] has the same token: each needs their own',
        '   25 | token = ****',
        "desks.conf:26:1: unknown key 'capasity' in [human leo]; did you mean 'capacity'?",
        '   26 | capasity = 3',
        '8 errors, 2 warnings; nothing was changed', '',
    ].join('\n'));
    assert.equal(end.status, 64);
});

test('-t says all that is wrong at once, each with its place and the include trace', () => {
    mkdirSync(join(dir, 'conf.d'), { recursive: true });
    write('conf.d/sms.conf', '[channel sms]\ntype = loopback\nagent = front\nagnet = x\n');
    write('bad.conf', [
        'include = conf.d/*.conf', '', '[tandem]', 'stor = x', 'drain = 10', '',
        '[channel web]', 'type = webchat', 'agent = frnt', '[agent front]', 'type = echo',
        'next = back', '[agent back]', 'type = echo', 'next = front', '[chanel x]',
        '[route r]', 'when = chanel == "web"', 'agent = front:90, bck:10', '',
    ].join('\n'));
    const end = run(['-t', '-c', 'bad.conf']);
    assert.equal(end.stderr, [
        "bad.conf:4:1: unknown key 'stor' in [tandem]; did you mean 'store'?",
        '    4 | stor = x',
        "bad.conf:5:9: 'drain' in [tandem] must be a time such as 500ms, 10s, 5min, 24h or 8d, " +
            "not '10'",
        '    5 | drain = 10',
        "bad.conf:9:9: there is no [agent frnt]; did you mean 'front'?",
        '    9 | agent = frnt',
        'bad.conf:12:8: this chain of `next` comes back to where it began',
        '   12 | next = back',
        'bad.conf:15:8: this chain of `next` comes back to where it began',
        '   15 | next = front',
        "bad.conf:16:1: unknown section [chanel]; did you mean 'channel'?",
        '   16 | [chanel x]',
        "bad.conf:18:8: unknown name 'chanel'; did you mean 'channel'?",
        '   18 | when = chanel == "web"',
        "bad.conf:19:19: there is no [agent bck]; did you mean 'back'?",
        '   19 | agent = front:90, bck:10',
        "conf.d/sms.conf:4:1: unknown key 'agnet' in [channel sms] (type loopback); " +
            "did you mean 'agent'?",
        '    4 | agnet = x',
        '   included from bad.conf:1',
        '9 errors; nothing was changed', '',
    ].join('\n'));
    assert.equal(end.stdout, '');
    assert.equal(end.status, 64);
});

test('a plugin that is not there is named, with those that are', () => {
    const end = run(['-t', '-c', write('p.conf', '[channel x]\ntype = sms\nagent = e\n')]);
    assert.match(end.stderr, /^p\.conf:2:8: plugin sms .*there is no such file.*webchat/m);
    assert.equal(end.status, 64);
});

test('-T prints the effective conf with secrets masked', () => {
    write('token', 'canary-token\n');
    write('secret.conf', `[tandem]\n${here}admin_token = @file:token\n` +
        '[channel web]\ntype = webchat\nagent = e\ncustomer_secret = canary-customer\n' +
        '[agent e]\ntype = echo\n');
    const end = run(['-T', '-c', 'secret.conf']);
    assert.equal(end.status, 0);
    assert.match(end.stdout, /^admin_token = \*+$/m);
    assert.match(end.stdout, /^customer_secret = \*+$/m);
    assert.match(end.stdout, /^idle_close = 30min$/m);
    assert.doesNotMatch(end.stdout + end.stderr, /canary/);
});

test('what -T prints is a conf that -T prints again', () => {
    const first = run(['-T', '-c', write('t.conf', `[tandem]\n${here}${chat}`)]).stdout;
    assert.equal(run(['-T', '-c', write('t2.conf', first)]).stdout, first);
});

test('--keys prints the tables of the core and of a plugin', () => {
    const core = run(['--keys']), web = run(['--keys', 'webchat']);
    assert.match(core.stdout, /^\[tandem\]\nlisten \(text; default 127\.0\.0\.1:8480\)/);
    assert.match(core.stdout, /^deadline \(time/m);
    assert.match(web.stdout, /^origins \(list\)/m);
    assert.match(run(['--keys', 'agent_echo']).stdout, /type = echo/);
    const none = run(['--keys', 'nosuch']);
    assert.equal(none.status, 1);
    assert.match(none.stderr, /nosuch/);
});

test('-t accepts what --init wrote, and --init never writes over it', () => {
    assert.equal(run(['--init', 'made']).status, 0);
    assert.equal(run(['-t', '-c', 'made/tandem.conf']).status, 0);
    const end = run(['--init', 'made']);
    assert.equal(end.status, 1);
    assert.match(end.stderr, /exists/i);
});

test('every key of the commented conf is one that -t knows', () => {
    run(['--init', 'open']);
    const text = readFileSync(join(dir, 'open/tandem.conf'), 'utf8');
    const keys = text.split('\n').filter(line => /^# [a-z_]+ = ./.test(line));
    assert(keys.length > 30);
    write('open/all.conf', text.replace(/^# ([a-z_]+ = .+)$/gm, '$1')
        .replace(/^next = .*\n/m, ''));
    assert.equal(run(['-t', '-c', 'open/all.conf']).stderr, 'tandemd: open/all.conf is good\n');
});

test('the version, the help, a wrong option', () => {
    assert.match(run(['-V']).stdout, /^tandemd \d+\.\d+\.\d+/);
    assert.match(run(['-h']).stdout, /^usage: tandemd/);
    assert.equal(run(['--nosuch']).status, 2);
    assert.equal(run(['-t', 'extra']).status, 2);
});

test('a conf that is not there ends in 64', () => {
    const end = run(['-c', 'nosuch.conf']);
    assert.equal(end.status, 64);
    assert.match(end.stderr, /nosuch\.conf/);
});

test('a port that is taken ends in 1 and names the address', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = server.address().port;
    const end = run(['-c', write('port.conf', `[tandem]\nstore = memory:\n` +
        `control = c\nlisten = 127.0.0.1:${port}\n${chat}`)]);
    server.close();
    assert.equal(end.status, 1);
    assert.match(end.stderr, new RegExp(`127\\.0\\.0\\.1:${port}`));
});

test('a store that cannot be opened ends in 70', () => {
    write('nodir.conf', `[tandem]\nstore = sqlite:/nosuch/dir/t.db\nlisten = 127.0.0.1:0\n`);
    const end = run(['-c', 'nodir.conf']);
    assert.equal(end.status, 70);
    assert.match(end.stderr, /\/nosuch\/dir/);
});

test('a store of a newer version ends in 70 and is left as it is', async t => {
    const sql = text => spawnSync('sqlite3', ['newer.db', text], { cwd: dir, encoding: 'utf8' });
    if (sql('SELECT 1').error) return t.skip('sqlite3 is not installed');
    write('newer.conf', `[tandem]\nstore = sqlite:newer.db\nlisten = 127.0.0.1:0\n`);
    const gw = await Gateway.start({ dir, tandem: { store: 'sqlite:newer.db' } });
    await gw.stop();
    assert.equal(sql("UPDATE meta SET value = 1000 WHERE key = 'version'").status, 0);
    const end = run(['-c', 'newer.conf']);
    assert.equal(end.status, 70, end.stderr);
    assert.match(end.stderr, /version 1000/);
    assert.equal(sql("SELECT value FROM meta WHERE key = 'version'").stdout, '1000\n');
});

test('a literal secret in a file that all may read is refused', () => {
    write('open.conf', `[tandem]\n${here}admin_token = canary-literal\n`);
    chmodSync(join(dir, 'open.conf'), 0o644);
    const end = run(['-t', '-c', 'open.conf']);
    assert.equal(end.status, 64);
    assert.doesNotMatch(end.stderr, /canary/);
});

test('SIGTERM ends it with 0, and so does a second one at once', async () => {
    const gw = await Gateway.start({ conf: chat });
    const end = await gw.stop();
    assert.equal(end.code, 0);
    assert(end.ms < 9000, `${end.ms} ms`); // there is nothing to drain for 10 s
    await gw.close();
});
