/**
 * human.mjs - a human at the desk page, in a browser: what they do and what they see.
 *
 *   const mia = await Human.enter(context, gw, 'token-of-mia');
 *   await mia.accept('Dana');                    // by mouse, out of the queue
 *   await mia.write('Hello');                    // to whom is open
 *   await mia.page.keyboard.press('Alt+b');
 */
import { watched } from './browser.mjs';
import { until } from './gateway.mjs';

export class Human {
    static async enter(context, gw, token, wrong = []) {
        const mia = new Human(await watched(context, wrong));
        await mia.page.goto(`${gw.url}/desk/`);
        await mia.page.getByLabel('Your token').fill(token);
        await mia.page.keyboard.press('Enter');
        await mia.page.locator('.rail').waitFor();
        await mia.connected();
        return mia;
    }

    constructor(page) {
        this.page = page;
        this.box = page.locator('.composer textarea');
    }

    connected() { return this.page.getByText('No connection to the gateway').waitFor({ state: 'detached' }); }

    tab(name) { return this.page.locator('.tab', { hasText: name }); }

    card(name) { return this.page.locator('.card', { hasText: name }); }

    async accept(name) {
        await this.tab('Waiting').click();
        await this.card(name).click();
        await this.page.getByRole('button', { name: /^Accept/ }).click();
        await this.has(name);
    }

    /** They may write to this customer now. */
    has(name) { return this.page.getByLabel(`Message to ${name}`).waitFor(); }

    async write(text) {
        await this.box.fill(text);
        await this.box.press('Enter');
    }

    sees(text) { return this.page.locator('.transcript').getByText(text).first().waitFor(); }

    texts(kind) { return this.page.locator(`.log .${kind ?? 'item'} .text`).allInnerTexts(); }

    /** No dialog is open: keys are heard by the page again. */
    closed() { return until(async () => await this.page.locator('dialog').count() === 0, 'the end of the dialog'); }
}
