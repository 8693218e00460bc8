/**
 * agent.mjs - an agent over HTTP that fails as told, in a process of its own (so that it can be
 * stopped, and its work does not disturb the test's clock).
 *
 *   const agent = await Agent.start({ secret });
 *   agent.url('slow')                                   // for `url =` of an [agent ..] section
 *   await agent.script('slow', ['500', 'hang', 'ok']);  // one per request, the last goes on
 *   await agent.seen('slow')              // [{ key, at, valid, body, raw, headers }, ..]
 *   agent.signal('SIGSTOP'); await agent.stop();
 *
 * Steps: ok, hang, reset, drip, big, huge, NNN (a status), NNN:S (with Retry-After S), slow:MS,
 * body:TEXT (that, with 200), base64:B, half (every second request fails, in turn in another way).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

export class Agent {
    static async start({ secret } = {}) {
        const agent = new Agent();
        agent.child = fork(fileURLToPath(import.meta.url), [], {
            env: { ...process.env, AGENT_SECRET: secret ?? '' },
        });
        process.on('exit', () => agent.child.kill('SIGKILL'));
        agent.port = await new Promise((done, fail) => {
            agent.child.once('message', done);
            agent.child.once('exit', code => fail(new Error(`the agent ended with ${code}`)));
        });
        agent.base = `http://127.0.0.1:${agent.port}`;
        return agent;
    }

    url(name) { return `${this.base}/a/${name}`; }

    async script(name, steps) {
        await fetch(this.url(name), { method: 'PUT', body: JSON.stringify(steps) });
    }

    async seen(name) { return (await fetch(this.url(name))).json(); }

    signal(signal) { this.child.kill(signal); }

    async stop() {
        const ended = new Promise(done => this.child.once('exit', done));
        this.child.kill('SIGKILL');
        await ended;
    }
}

/* ---- The agent's process ------------------------------------------------------------------ */

const scripts = new Map(); // name -> { steps, seen }

function scriptOf(name) {
    if (!scripts.has(name)) scripts.set(name, { steps: ['ok'], seen: [], n: 0 });
    return scripts.get(name);
}

function signatureIsValid(headers, raw) {
    const secret = process.env.AGENT_SECRET;
    if (!secret) return null;
    const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
    const want = createHmac('sha256', key)
        .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(raw).digest();
    const got = Buffer.from(headers['webhook-signature']?.replace(/^v1,/, '') ?? '', 'base64');
    return got.length === want.length && timingSafeEqual(got, want);
}

function answer(res, body) {
    const messages = body.messages.map(m => ({ text: `re: ${m.text}` }));
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ decision: 'resolve', messages }));
}

/** Bytes for as long as the other side takes them. */
function pour(res, total) {
    const chunk = Buffer.alloc(65536, 'x');
    let sent = 0;
    const more = () => {
        while (sent < total && !res.destroyed) {
            sent += chunk.length;
            if (!res.write(chunk)) return void res.once('drain', more);
        }
        res.end();
    };
    more();
}

function drip(res) {
    const text = JSON.stringify({ messages: [{ text: 'far too slow' }] }).repeat(100);
    let at = 0;
    res.write('{');
    const timer = setInterval(() => res.write(text[at++ % text.length]), 100);
    res.on('close', () => clearInterval(timer));
}

const failures = ['500', 'reset', '429:0', '503'];

function act(step, script, res, body) {
    const [what, ...rest] = step.split(':'), detail = rest.join(':');
    switch (what) {
    case 'ok': return answer(res, body);
    case 'hang': return;
    case 'reset': return void res.socket.resetAndDestroy();
    case 'slow': return void setTimeout(answer, Number(detail), res, body);
    case 'drip': return drip(res);
    case 'big': return pour(res, 10 << 20);
    case 'huge':
        res.setHeader('Content-Length', 200 << 20);
        return pour(res, 200 << 20);
    case 'body': return void res.end(detail);
    case 'base64': return void res.end(Buffer.from(detail, 'base64'));
    case 'half':
        script.n++;
        return act(script.n % 2 ? failures[(script.n >> 1) % failures.length] : 'ok', script, res,
                   body);
    }
    if (detail) res.setHeader('Retry-After', detail);
    res.statusCode = Number(what);
    res.end('{"messages":[{"text":"not to be taken"}]}');
}

function serve(req, res) {
    const script = scriptOf(req.url.split('/')[2]), at = Date.now(), chunks = [];

    res.on('error', () => {});
    req.on('data', chunk => chunks.push(chunk));
    req.on('end', () => {
        const raw = Buffer.concat(chunks);
        if (req.method === 'GET') return res.end(JSON.stringify(script.seen));
        const body = JSON.parse(raw);
        if (req.method === 'PUT') {
            Object.assign(script, { steps: body, seen: [], n: 0 });
            return res.end();
        }
        script.seen.push({ key: req.headers['idempotency-key'], at, body, raw: raw.toString(),
                           headers: req.headers, valid: signatureIsValid(req.headers, raw) });
        act(script.steps.length > 1 ? script.steps.shift() : script.steps[0], script, res, body);
    });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const server = createServer({ keepAliveTimeout: 60000 }, serve);
    server.listen(0, '127.0.0.1', () => process.send(server.address().port));
    process.on('disconnect', () => process.exit(0));
}
