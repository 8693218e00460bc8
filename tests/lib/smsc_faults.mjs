/**
 * smsc_faults.mjs - an SMSC (smsc.mjs) on a bad day: it drops responses and connections, delays,
 * repeats and reorders.
 *
 *   const bad = new BadDay(smsc, seed);       // from now on; the same seed, the same dice
 *   await bad.say('4511', 'hello');           // until it is taken, as an SMSC does
 *   bad.cuts, bad.silent                      // when the wire was cut; responses that were dropped
 *   bad.over();                               // a good day again
 */
import { sleep } from './gateway.mjs';

export class BadDay {
    constructor(smsc, seed) {
        Object.assign(this, { smsc, seed, isBad: true, cuts: [], silent: 0 });
        smsc.onSubmit = pdu => this.submit(pdu);
    }

    random() { return (this.seed = (this.seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff; }

    submit(pdu) {
        const dice = this.isBad ? this.random() : 1;
        if (dice < 0.01) return { command_status: 0x58 };
        if (dice < 0.04) {
            this.silent++;
            return { silent: true };
        }
        if (dice < 0.05) setTimeout(() => this.drop(), 5);
        const delay = dice < 0.4 ? 100 * this.random() : 0; // so responses overtake each other
        setTimeout(() => this.answer(pdu), delay);
        return { silent: true };
    }

    answer(pdu) {
        if (!this.smsc.sessions.includes(pdu.session)) return; // the wire is cut: it never hears
        const receipt = () => this.smsc.receipt(pdu.id, 'DELIVRD', { pdu: { source_addr: pdu.destination_addr } });
        if (this.isBad && this.random() < 0.1) receipt(); // before the response
        pdu.session.send(pdu.response({ message_id: pdu.id }));
        if (this.random() < 0.7) receipt();
        if (this.isBad && this.random() < 0.1) receipt(); // and once more
    }

    drop() {
        this.cuts.push(Date.now());
        this.smsc.drop();
    }

    over() { this.isBad = false; }

    /** A customer's message: said again after a lost connection or a missing response, and sometimes
     *  when it was taken already but the response got lost on the way. */
    async say(from, text) {
        for (;;) {
            const session = this.smsc.sessions.filter(s => s.kind).at(-1);
            const said = () => this.smsc.deliver({ source_addr: from, data_coding: 0,
                                                   short_message: Buffer.from(text) }, session);
            const resp = session ? await Promise.race([said(), sleep(3000)]) : null;
            const isLost = this.isBad && this.random() < 0.03;
            if (isLost) this.drop(); // the response never came
            else if (resp?.command_status === 0) return;
            await sleep(20 + 50 * this.random());
        }
    }
}
