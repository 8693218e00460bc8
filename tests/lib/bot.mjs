/**
 * bot.mjs - an agent over HTTP in the test's own process.
 *
 *   const bot = await Bot.start(text => `re: ${text}`);          // of the customer's last message
 *   const bot = await Bot.start((text, res, body) => ({ decision: 'escalate', .. }));
 *   bot.url; bot.stop();
 *
 * What `reply` gives is the answer, or the text of it; nothing: it has answered by itself.
 */
import { createServer } from 'node:http';

export class Bot {
    static async start(reply) {
        const bot = new Bot();
        bot.server = createServer((req, res) => {
            const chunks = [];
            req.on('data', chunk => chunks.push(chunk)).on('end', async () => {
                const body = JSON.parse(Buffer.concat(chunks));
                const answer = await reply(body.messages.at(-1)?.text ?? '', res, body);
                if (answer) res.end(JSON.stringify(typeof answer === 'string' ? { messages: [{ text: answer }] } : answer));
            });
        });
        await new Promise(done => bot.server.listen(0, '127.0.0.1', done));
        return bot;
    }

    get url() { return `http://127.0.0.1:${this.server.address().port}/`; }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }
}
