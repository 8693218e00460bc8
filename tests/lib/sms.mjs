/**
 * sms.mjs - a gateway with one SMPP channel and an agent that says what the customer said, and what an
 * operator sees of it.
 *
 *   const { gw, smsc } = await start({ tps: 1000 });   // keys of the channel
 *   await counted(gw, 'receipt_orphan');               // a counter of the channel
 *   await becomes(gw, 'failed', /^opted_out/);         // the newest message to the newest customer
 */
import { Gateway, until } from './gateway.mjs';
import { Smsc } from './smsc.mjs';

export const STATES = ['queued', 'sent', 'uncertain', 'delivered', 'read', 'failed'];

/** A gateway with one channel; the agent says what the customer said. */
export async function start(keys = {}, smsc = null, tandem = {}) {
    const own = smsc ?? await Smsc.start();
    const conf = {
        type: 'sms_smpp', host: '127.0.0.1', port: own.port, system_id: 'acme', password: 'secret',
        source: '12345', agent: 'front', reconnect: '100ms', reconnect_max: '400ms', ...keys,
    };
    const lines = Object.entries(conf).map(([key, value]) => `${key} = ${value}`);
    const gw = await Gateway.start({
        conf: `[channel sms]\n${lines.join('\n')}\n[agent front]\ntype = echo\n`,
        tandem: { admin_token: 'operator', ...tandem },
    });
    return { gw, smsc: own };
}

export const api = (gw, path) =>
    fetch(`${gw.url}/api/v1${path}`, { headers: { Authorization: 'Bearer operator' } })
        .then(res => res.text());

export async function metric(gw, name) {
    const text = await (await fetch(`${gw.url}/metrics`)).text();
    const line = text.split('\n').find(l => l.startsWith(`tandem_plugin_${name}_total{`));
    return Number(line?.split(' ').at(-1) ?? 0);
}

export const counted = (gw, name, n = 1) =>
    until(async () => await metric(gw, name) >= n, `${n} ${name}`, 10000);

/** The records of the newest session. */
export async function journal(gw) {
    const [{ id }] = JSON.parse(await api(gw, '/sessions')).sessions;
    return (await api(gw, `/sessions/${id}/journal`)).trim().split('\n').map(l => JSON.parse(l));
}

/** What became of each message to the customer of the newest session: state, and why. */
export async function said(gw) {
    const records = await journal(gw);
    return records.filter(r => r.type === 'reply').map(reply => {
        const last = records.findLast(r => r.type === 'delivery' && r.of === reply.seq);
        return { state: STATES[last?.status ?? 0], detail: last?.detail ?? '' };
    });
}

/** Waits until the newest message has come so far. */
export const becomes = (gw, state, detail = /(?:)/) => until(async () => {
    const last = (await said(gw)).at(-1);
    return last?.state === state && detail.test(last.detail);
}, `a message that is ${state}`, 10000);
