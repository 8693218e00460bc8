/**
 * gateway.mjs - a real tandemd for a test: temp dir, conf, a free port, the ready line, the end.
 *
 *   const gw = await Gateway.start({ conf: '[channel web]\ntype = webchat\nagent = e\n..' });
 *   gw.url, gw.port, gw.dir, gw.pid, gw.log
 *   await gw.kill(); await gw.start();        // a crash and a restart, same store, same port
 *   const { code, signal, ms } = await gw.stop();   // SIGTERM, then SIGKILL when it does not end
 *   await gw.close();                         // stop, and remove the directory
 *
 * The conf gets a [tandem] section in front of it; `tandem` adds keys to that (or replaces them).
 * Paths come from top_srcdir and top_builddir, as `make check` exports them.
 * TANDEM_ISOLATE=1 puts every plugin into a process of its own: the suites must hold there, too.
 * TANDEM_KEEP=1 keeps the directories; TANDEM_VERBOSE=1 copies the daemon's log to stderr.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const srcdir = resolve(process.env.top_srcdir ?? join(here, '../..'));
export const builddir = resolve(process.env.top_builddir ?? join(srcdir, 'build'));
/** Everything is slower, and some faults cannot be played. */
export const sanitized = /^#define TD_SANITIZED/m.test(readFileSync(join(builddir, 'config.h'), 'utf8'));

const READY = /^tandemd: ready on (https?:\/\/\S+:(\d+))/m;
const running = new Set(); // children, so that none outlives the test
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });
/* What a failed test has left open must not keep its file from ending. */
if (process.env.NODE_TEST_CONTEXT) after(() => { setTimeout(() => process.exit(), 1000).unref(); });

export const sleep = ms => new Promise(done => setTimeout(done, ms));

/** Waits until fn() gives something true and returns that. */
export async function until(fn, what = 'the condition', ms = 5000) {
    for (const end = Date.now() + ms; ;) {
        const got = await fn();
        if (got) return got;
        if (Date.now() > end) throw new Error(`${what} did not come about within ${ms} ms`);
        await sleep(10);
    }
}

export class Gateway {
    /** Options: conf, tandem (keys of [tandem]), env, binary, pluginDirs, args, wrap (a command
     *  to run it under, such as ['strace', '-f']), dir (kept by close()), readyMs. */
    constructor(options = {}) {
        this.options = options;
        this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'tandem-'));
        this.binary = options.binary ?? process.env.TANDEMD ?? join(builddir, 'tandemd');
        this.pluginDirs = options.pluginDirs ??
            ['channels/.libs', 'plugins/.libs'].map(d => join(builddir, d));
        this.port = 0;
        this.log = '';
        this.child = null;
    }

    static async start(options) {
        const gateway = new Gateway(options);
        try {
            return await gateway.start();
        } catch (error) {
            await gateway.close();
            throw error;
        }
    }

    static get available() {
        return existsSync(process.env.TANDEMD ?? join(builddir, 'tandemd'));
    }

    get url() { return `http://127.0.0.1:${this.port}`; }
    get wsUrl() { return `ws://127.0.0.1:${this.port}`; }
    get pid() { return this.child?.pid; }
    get confPath() { return join(this.dir, 'tandem.conf'); }
    get store() { return join(this.dir, 'tandem.db'); }

    /** What the next start() or a reload will read. */
    writeConf(conf = this.options.conf ?? '') {
        const keys = {
            listen: `127.0.0.1:${this.port}`, // the first time any port, then the same again
            store: `sqlite:${this.store}`,
            control: join(this.dir, 'control'),
            plugin_dir: this.pluginDirs.join(', '),
            data_dir: join(srcdir, 'contrib/web/pages'),
            ...this.options.tandem,
        };
        const lines = Object.entries(keys).filter(([, v]) => v !== null)
            .map(([k, v]) => `${k} = ${v}`);
        this.options.conf = conf;
        /* Tests count messages: what a channel says by itself is said where a test is about it. */
        if (!/disclose_ai/.test(conf))
            conf = conf.replace(/^\[channel .*\]$/gm, '$&\ndisclose_ai = no');
        if (process.env.TANDEM_ISOLATE)
            conf = conf.replace(/^\[(channel|agent|desk) .*\]$/gm, '$&\nisolate = yes');
        writeFileSync(`${this.confPath}.new`, `[tandem]\n${lines.join('\n')}\n\n${conf}\n`,
                      { mode: 0o600 }); // it may hold secrets
        renameSync(`${this.confPath}.new`, this.confPath); // whole at any moment, also for a reload
    }

    async start() {
        if (this.child) throw new Error('the gateway is running');
        this.writeConf();
        const [program, ...args] = [...(this.options.wrap ?? []), this.binary, '-c', this.confPath,
            ...(this.options.args ?? [])];
        const child = spawn(program, args, {
            env: { ...process.env, ...this.options.env }, stdio: ['ignore', 'pipe', 'pipe'],
        });
        const from = this.log.length;
        this.child = child;
        running.add(child);
        child.on('error', error => { this.log += `${error}\n`; });
        for (const stream of [child.stdout, child.stderr])
            stream.on('data', data => {
                this.log += data;
                if (process.env.TANDEM_VERBOSE) process.stderr.write(data);
            });
        const since = Date.now();
        this.exited = new Promise(done => child.on('close', (code, signal) => {
            running.delete(child);
            if (this.child === child) this.child = null;
            done({ code, signal, ms: Date.now() - since });
        }));
        const isReady = () => this.log.slice(from).match(READY) ?? (!this.child && 'gone');
        const ready = await until(isReady, 'the ready line', this.options.readyMs ?? 20000)
            .catch(() => null);
        if (ready === null || ready === 'gone') {
            child.kill('SIGKILL');
            const end = await Promise.race([this.exited, sleep(2000)]); // what it runs under may outlive it
            throw new Error(`tandemd did not get ready (${end?.signal ?? end?.code}):\n${this.log.slice(from)}`);
        }
        this.port = Number(ready[2]);
        return this;
    }

    /** Sends the signal, waits for the end; `ms` is how long that took. */
    async stop(signal = 'SIGTERM', limit = 20000) {
        if (!this.child) return this.exited;
        const child = this.child, since = Date.now();
        const timer = setTimeout(() => child.kill('SIGKILL'), limit);
        child.kill(signal);
        const end = await this.exited;
        clearTimeout(timer);
        return { ...end, ms: Date.now() - since };
    }

    kill() { return this.stop('SIGKILL'); }

    signal(signal) { this.child?.kill(signal); }

    async restart() {
        await this.stop();
        return this.start();
    }

    /** Also fails when the daemon was built with sanitizers and one of them has spoken. */
    async close() {
        await this.stop();
        const report = /^.*(Sanitizer|runtime error):[^]*/m.exec(this.log);
        if (report) throw new Error(report[0].slice(0, 8000));
        if (!process.env.TANDEM_KEEP && !this.options.dir)
            rmSync(this.dir, { recursive: true, force: true });
    }
}
