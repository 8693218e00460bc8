/**
 * bad_plugins.mjs - `tandemd -t` refuses plugins that do not fit, before any of their code runs, and
 * says which conf line, which file, and what to do.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { Gateway, builddir } from '../lib/gateway.mjs';

const dir = join(builddir, 'tests/plugins/.libs');
const sentences = {
    nosymbol: /nosymbol\.so\): it exports no td_plugin_0/,
    major: /major\.so\): it was built for plugin ABI 2 and this daemon offers 0\.\d+: install/,
    minor: /minor\.so\): it was built for plugin ABI 0\.\d+ and this daemon offers 0\.\d+: update/,
    misnamed: /misnamed\.so\): it calls itself 'other': its file must be called other\.so/,
    nosend: /nosend\.so\): its channel ops lack send\(\)/,
    stride: /stride\.so\): its option table has rows of 8 bytes/,
    twokeys: /twokeys\.so\): its option 'port' stands in the table twice/,
    unresolved: /unresolved\.so\): it cannot be loaded: .*tandem_nobody_has_this; is the header included/,
    nowhere: /nowhere\.so\): there is no such file: install it, or choose one of the channel types that are there: .*webchat/,
};

function check(conf) {
    const gw = new Gateway({ conf });

    gw.pluginDirs.push(dir);
    gw.writeConf();
    const run = spawnSync(gw.binary, ['-t', '-c', gw.confPath], { encoding: 'utf8' });
    gw.close();
    return run;
}

for (const [type, sentence] of Object.entries(sentences)) {
    test(`row 20: a plugin that is wrong is refused at -t by name and reason: ${type}`, () => {
        const run = check(`[channel x]\ntype = ${type}\nagent = e\n\n[agent e]\ntype = echo\n`);

        assert.equal(run.status, 64, run.stderr);
        assert.match(run.stderr, sentence);
        assert.match(run.stderr, /tandem\.conf:\d+:\d+: /);
    });
}

test('an agent whose file holds a channel is refused', () => {
    const run = check('[channel x]\ntype = fit\nword = w\nagent = k\n\n[agent k]\ntype = kind\n');

    assert.equal(run.status, 64, run.stderr);
    assert.match(run.stderr, /agent_kind\.so\): it says it is of kind channel, not agent/);
});

test('a fit plugin is accepted, and its options are checked', () => {
    const conf = keys => `[channel x]\ntype = fit\n${keys}agent = e\n\n[agent e]\ntype = echo\n`;

    assert.equal(check(conf('word = w\n')).status, 0);
    assert.match(check(conf('')).stderr, /'word'/);
    assert.match(check(conf('word = w\nrates = 1/s\n')).stderr, /did you mean 'rate'/);
});
