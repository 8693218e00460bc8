/** console.mjs - tandemctl without a command: at a terminal (a pty of script(1)), and from a pipe. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Gateway, builddir, until } from '../lib/gateway.mjs';

const CONF = '[channel web]\ntype = webchat\nagent = echo\n' +
    '[channel other]\ntype = webchat\nagent = echo\n' +
    '[agent echo]\ntype = echo\n[agent second]\ntype = echo\n';
const tandemctl = join(builddir, 'tandemctl');
const config = readFileSync(join(builddir, 'config.h'), 'utf8');
const skip = /^#define HAVE_LIBEDIT 1/m.test(config) ? false : 'built without libedit';
let gw;

before(async () => { gw = await Gateway.start({ conf: CONF }); });
after(() => gw.close());

function piped(...lines) {
    return spawnSync(tandemctl, ['-s', join(gw.dir, 'control')],
                     { encoding: 'utf8', timeout: 20000, input: lines.map(l => l + '\n').join('') });
}

/** tandemctl at a terminal: type() and wait for what shows. */
class Terminal {
    constructor() {
        this.out = '';
        this.child = spawn('script', ['-qefc', `exec ${tandemctl} -s ${join(gw.dir, 'control')}`,
                                      '/dev/null'],
                           { env: { ...process.env, HOME: gw.dir, TERM: 'xterm', SHELL: '/bin/sh' } });
        this.child.stdout.on('data', data => { this.out += data; });
        this.ended = new Promise(done => this.child.on('close', done));
    }

    /** Types, and gives what was shown from then on, as soon as the pattern is in it. */
    async type(keys, pattern) {
        const from = this.out.length;
        this.child.stdin.write(keys);
        const shown = () => this.out.slice(from).replace(/\r?\x1b\[[0-9;]*[A-Za-z]/g, '');
        await until(() => pattern.test(shown()), `${pattern} in '${shown()}'`, 15000)
            .catch(() => assert.fail(`${JSON.stringify(keys)}: no ${pattern} in '${shown()}'`));
        return shown();
    }
}

const PROMPT = /tandem> $/;

test('lines of a pipe are commands, without a prompt', () => {
    const end = piped('status', '', '  # a remark', 'agents # and another', 'quit', 'channels');
    assert.equal(end.status, 0, end.stderr);
    assert.match(end.stdout, /^version: /m);
    assert.match(end.stdout, /^second +echo +open/m);
    assert.doesNotMatch(end.stdout, /tandem>|^other/m);
});

test('options hold for their line, and a bad line does not end the talk', () => {
    const end = piped('suspend nosuch', 'nosuch', 'close', '--json agents', 'agents',
                      '-s elsewhere status', 'status --nosuch', 'tail --type');
    assert.equal(end.status, 2);
    assert.match(end.stderr, /refused: there is no such channel/);
    assert.match(end.stderr, /no command 'nosuch'; `help` lists them/);
    assert.match(end.stderr, /this is how it goes:\n {2}close ID/);
    assert.match(end.stderr, /leave, and start it for the other gateway/);
    assert.match(end.stdout, /^\{"agents":\[\{"name":"echo"/m);
    assert.match(end.stdout, /^echo +echo +open/m);
});

test('help names every command', () => {
    const help = piped('help').stdout;
    const usage = spawnSync(tandemctl, ['--help'], { encoding: 'utf8' }).stdout;
    const names = [...usage.matchAll(/^ {2}([a-z]+)/mg)].map(m => m[1]);
    assert.ok(names.length > 15, usage);
    for (const name of [...names, 'quit']) assert.match(help, new RegExp(`^  ${name} `, 'm'));
});

test('Tab completes commands, channels, agents, sessions and options', { skip }, async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('hello');
    await chat.message();
    const id = JSON.parse(piped('--json sessions open').stdout).sessions[0].id;
    const terminal = new Terminal();
    await terminal.type('', PROMPT);
    assert.match(await terminal.type('sus\t', /suspend $/), /suspend $/);
    await terminal.type('o\t', /other $/);
    await terminal.type('\n', /state: suspended[^]*tandem> $/);
    await terminal.type('res\t\t', /session {2}sessions|resume $/);
    await terminal.type('other\n', /state: open[^]*tandem> $/);
    await terminal.type('se\t\t', /session {2}sessions/);
    await terminal.type(`\x03pass ${id.slice(0, 12)}\t`, // Ctrl-C empties the line
                        new RegExp(`${id.slice(12)} $`));
    await terminal.type('\t', /echo {2}second/);
    await terminal.type('s\t', /second $/);
    await terminal.type('\n', /tandem> $/);
    await terminal.type(`session ${id}\n`, /owner: second|second[^]*tandem> $/);
    await terminal.type('tail --ch\t', /--channel $/);
    await terminal.type('w\t', /web $/);
    await terminal.type('\x03\x04', /\n/);
    assert.equal(await terminal.ended, 0);
    chat.destroy();
});

test('tail is a live log until Ctrl-C, and the console goes on', { skip }, async () => {
    const terminal = new Terminal();
    await terminal.type('', PROMPT);
    terminal.child.stdin.write('tail --type turn_end\n');
    const from = terminal.out.length;
    await until(async () => {
        const chat = await Chat.open(gw, 'web');
        await chat.say('hello');
        await chat.message();
        chat.destroy();
        return /turn_end .*outcome=answered/.test(terminal.out.slice(from));
    }, 'a line of the log', 15000);
    await terminal.type('\x03', PROMPT);
    await terminal.type('agents\n', /echo +echo +open[^]*tandem> $/);
    await terminal.type('quit\n', /\n/);
    assert.equal(await terminal.ended, 0);
});

test('chat at the console comes back with Ctrl-D', { skip }, async () => {
    const terminal = new Terminal();
    await terminal.type('', PROMPT);
    await terminal.type('chat --channel web\n', /-- session \w{26}/);
    await terminal.type('hello there\n', /echo: hello there/);
    await terminal.type('\x04', PROMPT);
    await terminal.type('quit\n', /\n/);
    assert.equal(await terminal.ended, 0);
});

test('the history is kept at home, for nobody else, and comes back', { skip }, async () => {
    const first = new Terminal();
    await first.type('', PROMPT);
    await first.type('agents\n', /echo +echo +open[^]*tandem> $/);
    await first.type('quit\n', /\n/);
    await first.ended;
    const file = join(gw.dir, '.tandemctl_history');
    assert.equal(statSync(file).mode & 0o777, 0o600);

    const second = new Terminal();
    await second.type('', PROMPT);
    await second.type('\x10\x10', /agents/); // quit, then what was before it
    await second.type('\n', /echo +echo +open[^]*tandem> $/);
    await second.type('\x04', /\n/);
    assert.equal(await second.ended, 0);
});
