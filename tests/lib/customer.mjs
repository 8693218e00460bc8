/**
 * customer.mjs - a customer at the chat page, in a browser: what they do and what they see.
 *
 *   const dana = await Customer.visit(context, gw, { channel: 'web' });
 *   await dana.say('Hello');
 *   await dana.sees('re: Hello');
 *   dana.page, dana.box                                  // for all else
 */
import assert from 'node:assert/strict';
import { watched } from './browser.mjs';
import { until } from './gateway.mjs';

export class Customer {
    static async visit(context, gw, query = {}, wrong = []) {
        const dana = new Customer(await watched(context, wrong));
        await dana.page.goto(`${gw.url}/chat/?${new URLSearchParams(query)}`);
        await dana.online();
        return dana;
    }

    constructor(page) {
        this.page = page;
        this.box = page.locator('.composer textarea');
    }

    online() { return this.page.locator('.panel.online').waitFor(); }

    async say(text) {
        await this.box.fill(text);
        await this.box.press('Enter');
    }

    sees(text) { return this.page.locator('.log').getByText(text).first().waitFor(); }

    /** What was said, in order, by one kind (me, agent, human, system) or by all. */
    texts(kind) { return this.page.locator(`ol ${kind ? `.${kind}` : ''} .text`).allInnerTexts(); }

    /** The echo agent puts many into one when they came together. */
    async answers() { return (await this.texts('agent')).flatMap(text => text.split('\n')).filter(Boolean); }

    answered(n, ms = 10000) {
        return until(async () => (await this.answers()).length >= n, `${n} answers`, ms);
    }

    /** How many of the customer's messages are on the gateway's disk. */
    sent() { return this.page.locator('.me:not(.sending, .failed)').count(); }

    /** Presses Tab until the focus is on what the selector means. */
    async tabTo(selector, key = 'Tab') {
        for (let i = 0; i < 40; i++) {
            if (await this.page.locator(selector).evaluateAll(all => all.some(element =>
                element.getRootNode().activeElement === element))) return;
            await this.page.keyboard.press(key);
        }
        assert.fail(`${selector} cannot be reached with ${key}`);
    }
}
