/**
 * durability.mjs - what tandemd has acknowledged to a customer is there after a crash, a power cut,
 * a failed fsync and a full disk; nobody sees an event twice or out of order.
 *
 * TANDEM_FULL=1 runs the whole program (300 random kills, a kill at each of 400 writes, 20 power
 * cuts: about ten minutes); without it a part of each. Power cuts and the full disk need root.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Crowd, emptyRow, printRow } from '../lib/ledger.mjs';
import { Gateway, builddir, sanitized, sleep, until } from '../lib/gateway.mjs';

const full = process.env.TANDEM_FULL === '1';
const fault = join(builddir, 'tests/e2e/.libs/iofault.so');
const writer = join(builddir, 'tests/e2e/store_writer');
const noFault = sanitized ? 'a sanitizer does not go with a preloaded library' :
    !existsSync(fault) && 'tests/e2e/iofault.la is not built: make check';
const mounted = new Set();

const conf = '[channel web]\ntype = webchat\nagent = e\nrate = 0\nnew_sessions = 0\n' +
    'replay = 5000\nsend_buffer = 64M\nrequire_origin = no\n\n[agent e]\ntype = echo\nprefix = "re: "\n';

const run = (program, ...args) => execFileSync(program, args, { stdio: 'pipe' });

function canMount() {
    const dir = mkdtempSync(join(tmpdir(), 'tandem-mount-'));
    try {
        run('truncate', '-s', '16M', `${dir}.img`);
        run('mkfs.ext4', '-q', '-F', `${dir}.img`);
        run('mount', '-o', 'loop', `${dir}.img`, dir);
        run('umount', dir);
        return true;
    } catch {
        return false;
    } finally {
        rmSync(dir, { recursive: true, force: true });
        rmSync(`${dir}.img`, { force: true });
    }
}
const noMount = !existsSync(writer) ? 'tests/e2e/store_writer is not built: make check' :
    !canMount() && 'it needs root and a loop device';

after(() => { for (const dir of mounted) try { run('umount', dir); } catch { /* gone */ } });

/** How the daemon ended; undefined: not within ms. */
async function ended(gw, ms) {
    let timer;
    const late = new Promise(done => { timer = setTimeout(done, ms); });
    const end = await Promise.race([gw.exited, late]);
    clearTimeout(timer);
    return end;
}

/** Starts it again; how long until it was ready and the first customer was heard goes to the row. */
async function recover(gw, crowd, row) {
    const since = performance.now();
    await gw.start();
    const ready = performance.now() - since;
    if (crowd.talking || crowd.pending > 0)
        await until(() => crowd.ackedAt > since, 'the first acceptance', 20000);
    const took = Math.max(ready, (crowd.ackedAt ?? 0) - since);
    row.recovery_ms = Math.max(row.recovery_ms, took);
    return took;
}

/** Everyone rests, everything is compared, the row is printed, nothing may be wrong. */
async function settle(name, gw, crowd, row) {
    await crowd.rest(15000);
    await crowd.verify(row);
    await crowd.stop();
    await gw.close();
    printRow(name, row);
    assert.ok(row.acked > 0, 'nobody said anything');
    assert.deepEqual({ lost: row.lost, dup: row.dup, reordered: row.reordered },
        { lost: 0, dup: 0, reordered: 0 });
}

test('killed at random moments under load, nothing acknowledged is lost', async () => {
    const gw = await Gateway.start({ conf }), row = emptyRow();
    const crowd = new Crowd(gw, 'web', { customers: 40, pace: 80, window: 2 });
    const kills = Number(process.env.TANDEM_KILLS ?? (full ? 300 : 40));

    const took = [];

    crowd.start();
    for (let i = 0; i < kills; i++) {
        await sleep(5 + Math.random() * (full ? 395 : 195));
        await gw.kill();
        took.push(await recover(gw, crowd, row));
    }
    await settle(`${kills} random kills`, gw, crowd, row);
    const median = took.sort((a, b) => a - b)[kills >> 1]; // one may meet a busy machine
    assert.ok(median <= (sanitized ? 20000 : 2000), `recovery took ${median} ms`);
});

/* A new store for each of the first writes, which make it; then one that goes on. */
test('killed at each write to the disk, nothing acknowledged is lost', { skip: noFault }, async () => {
    const row = emptyRow(), last = full ? 400 : 120, fresh = full ? 80 : 40;
    const step = n => (full ? 1 : n < fresh ? 2 : 9);
    let gw, crowd, runs = 0;

    const begin = () => {
        gw = new Gateway({ conf });
        crowd = new Crowd(gw, 'web', { customers: 6, pace: 2 });
    };
    const end = async () => {
        gw.options.env = {};
        await gw.start();
        crowd.talk();
        await until(() => crowd.accepted > 0, 'an acceptance');
        await crowd.rest();
        await crowd.verify(row);
        await crowd.stop();
        await gw.close();
    };
    for (let n = 1; n <= last; n += step(n)) {
        if (!gw) begin();
        gw.options.env = { LD_PRELOAD: fault, IOFAULT: `kill:${n}` };
        if (!crowd.lives) crowd.start();
        const up = await gw.start().then(() => true, () => false);
        if (up) {
            const end = await ended(gw, 5000);
            assert.equal(end?.signal, 'SIGKILL', `at write ${n} nothing happened`);
        }
        runs++;
        if (n < fresh) {
            await end();
            gw = null;
        }
    }
    if (gw) await end();
    printRow(`${runs} kills at the n-th write, n up to ${last}`, row);
    assert.deepEqual([row.lost, row.dup, row.reordered], [0, 0, 0]);
});

test('when fsync fails it acknowledges no more, leaves with 75 and recovers', { skip: noFault },
    async () => {
        const row = emptyRow();
        let left = 0;

        for (let n = 1; n <= 100; n += full ? 3 : 14) {
            const gw = new Gateway({ conf, env: { LD_PRELOAD: fault, IOFAULT: `eio:${n}` } });
            const crowd = new Crowd(gw, 'web', { customers: 6, pace: 2 });

            crowd.start();
            const up = await gw.start().then(() => true, () => false);
            if (up) {
                const end = await ended(gw, 10000);
                assert.equal(end?.code, 75, `fsync ${n} failed and the daemon did not leave with 75`);
                assert.match(gw.log, /level=error .*store/);
                left++;
            } else {
                assert.equal(crowd.accepted, 0);
            }
            gw.options.env = {};
            await recover(gw, crowd, row);
            await until(() => crowd.accepted > 0, 'an acceptance');
            await crowd.rest();
            await crowd.verify(row);
            await crowd.stop();
            await gw.close();
        }
        printRow(`fsync gives EIO, ${left} exits with 75`, row);
        assert.ok(left > 0);
        assert.deepEqual([row.lost, row.dup, row.reordered], [0, 0, 0]);
    });

test('a full disk is refused with busy, and it resumes by itself', { skip: noMount }, async () => {
    const row = emptyRow(), disk = mkdtempSync(join(tmpdir(), 'tandem-full-'));

    run('mount', '-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tandem', disk);
    mounted.add(disk);
    writeFileSync(join(disk, 'balloon'), Buffer.alloc(2_500_000));
    const gw = await Gateway.start({ conf, tandem: { store: `sqlite:${disk}/tandem.db`,
                                                     min_free: '64K' } });
    const crowd = new Crowd(gw, 'web', { customers: 20, pace: 2 });
    const ready = async () => (await fetch(`${gw.url}/readyz`)).status;

    crowd.start();
    await until(() => crowd.refused > 20, 'a refusal', 60000);
    await until(() => performance.now() - crowd.ackedAt > 1000, 'a really full disk', 30000);
    assert.ok(gw.child, 'the daemon lives');
    assert.equal(await ready(), 503);
    rmSync(join(disk, 'balloon'));
    const freed = performance.now();
    await until(() => crowd.ackedAt > freed, 'acceptance after there is space', 20000);
    row.recovery_ms = crowd.ackedAt - freed;
    await crowd.rest();
    if (full) // alone on its machine
        assert.ok(row.recovery_ms <= 2000, `resumed after ${row.recovery_ms} ms`);
    await until(async () => await ready() === 200, 'readiness', 20000);
    await settle(`disk full, ${crowd.refused} refusals`, gw, crowd, row);
    run('umount', disk);
    mounted.delete(disk);
    rmSync(disk, { recursive: true, force: true });
});

/**
 * Power cuts under load. The daemon is killed just before each: an fdatasync that races with the cut
 * may lie (see store_faults.sh). Ends early when `until` says so of the row so far.
 */
async function cutPower(cuts, env, enough = () => false) {
    const dir = mkdtempSync(join(tmpdir(), 'tandem-power-')), row = emptyRow();
    const disk = join(dir, 'disk'), image = join(dir, 'image');
    const mount = () => { run('mount', '-o', 'loop', image, disk); mounted.add(disk); };
    const umount = () => { run('umount', disk); mounted.delete(disk); };

    mkdirSync(disk);
    run('truncate', '-s', '256M', image);
    run('mkfs.ext4', '-q', '-F', image);
    mount();
    const gw = await Gateway.start({ conf, env, tandem: { store: `sqlite:${disk}/tandem.db`,
                                                          min_free: '1M' } });
    const crowd = new Crowd(gw, 'web', { customers: 20, pace: 10 });
    crowd.start();
    for (let i = 0; i < cuts && !enough(crowd); i++) {
        await sleep(100 + Math.random() * 700);
        await gw.kill();
        run(writer, 'cut', disk);
        umount();
        try { run('e2fsck', '-fy', image); } catch { /* 1: it corrected something */ }
        mount();
        await recover(gw, crowd, row);
    }
    await crowd.rest(15000);
    await crowd.verify(row);
    await crowd.stop();
    await gw.close();
    umount();
    rmSync(dir, { recursive: true, force: true });
    return row;
}

test('after a power cut all that was acknowledged is there', { skip: noMount }, async () => {
    const cuts = full ? 20 : 5, row = await cutPower(cuts, {});

    printRow(`${cuts} power cuts`, row);
    assert.ok(row.acked > 0);
    assert.deepEqual([row.lost, row.dup, row.reordered], [0, 0, 0]);
});

test('with a disk that lies about fsync the same power cuts are found to lose',
    { skip: noMount || noFault }, async () => {
        const row = await cutPower(8, { LD_PRELOAD: fault, IOFAULT: 'lie:0' },
            crowd => crowd.customers.some(c => c.lost > 0)).catch(error => error);

        if (row instanceof Error) return; // so much was lost that it does not even start
        printRow('power cuts on a disk that lies (must lose)', row);
        assert.ok(row.lost > 0, 'the power cut does not bite: the test above proves nothing');
    });
