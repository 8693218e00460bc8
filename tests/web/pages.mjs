/** pages.mjs - the pages as they are kept and served: made from their sources, small, cached, guarded. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Gateway, builddir, srcdir } from '../lib/gateway.mjs';

const pages = join(srcdir, 'contrib/web/pages');
let gw;

before(async () => {
    gw = await Gateway.start({ conf: '[channel web]\ntype = webchat\nagent = e\n[agent e]\ntype = echo\n' });
});
after(() => gw.close());

/** As a browser asks; fetch() would unpack and hide it. */
function get(path, headers = {}) {
    return new Promise((done, fail) => request(`${gw.url}${path}`, { headers }, res => {
        const chunks = [];
        res.on('data', chunk => chunks.push(chunk));
        res.on('end', () => done({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
    }).on('error', fail).end());
}

test('the pages in the tree are what their sources make, to the byte', t => {
    const { status, stdout, stderr } = spawnSync(join(srcdir, 'contrib/web/build.sh'), ['--check', srcdir, builddir], { encoding: 'utf8' });
    if (status === 77) return t.skip('npm has not been run for contrib/web in the build directory');
    assert.equal(status, 0, stdout + stderr);
});

test('the widget has at most 20 KB on the wire', () => {
    const { length } = readFileSync(join(pages, 'widget.js.gz'));
    assert.ok(length <= 20480, `${length} bytes`);
});

test('nothing is inline, and nothing comes from elsewhere', () => {
    for (const entry of readdirSync(pages, { recursive: true }).filter(name => name.endsWith('.html'))) {
        const html = readFileSync(join(pages, entry), 'utf8');
        assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:/, entry);
    }
});

test('what is named by its content is kept for ever, all else is asked for again; small ones go over', async () => {
    const page = await get('/chat/');
    assert.equal(page.headers['cache-control'], 'no-cache');
    assert.doesNotMatch(page.headers['content-security-policy'], /unsafe/);
    const again = await get('/chat/', { 'if-none-match': page.headers.etag });
    assert.equal(again.status, 304);
    const [, script] = /src="\.\.(\/assets\/[^"]+\.js)"/.exec(page.body);
    for (const path of [script, '/widget.js']) {
        const plain = await get(path), packed = await get(path, { 'accept-encoding': 'gzip, deflate, br' });
        assert.equal(plain.status, 200);
        assert.equal(plain.headers['content-encoding'], undefined);
        assert.equal(packed.headers['content-encoding'], 'gzip');
        assert.deepEqual(gunzipSync(packed.body), plain.body);
        assert.ok(packed.body.length < plain.body.length / 2);
        assert.notEqual(packed.headers.etag, plain.headers.etag);
        assert.match(packed.headers['cache-control'], path === script ? /max-age=31536000, immutable/ : /^no-cache$/);
    }
});

test('who may show the chat page must be an origin', () => {
    for (const wrong of ['shop.example', 'https://shop.example/path', 'https://a;script-src *', 'https://']) {
        gw.options.tandem = { frames: wrong };
        gw.writeConf();
        const { status, stderr } = spawnSync(gw.binary, ['-t', '-c', gw.confPath], { encoding: 'utf8' });
        assert.equal(status, 64, wrong);
        assert.match(stderr, /tandem\.conf:\d+:\d+: .*is not an origin: write https:\/\/HOST/, wrong);
    }
});
