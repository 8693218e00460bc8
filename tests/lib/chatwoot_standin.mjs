/**
 * chatwoot_standin.mjs - stands in for a Chatwoot, as far as a desk uses it; written from its public
 * API documents (swagger: contacts, contact search, conversations, messages, custom attributes,
 * toggle_status; "Webhook events"; signed deliveries as the swagger of webhooks says). It is not
 * Chatwoot: what it accepts is what the documents say.
 *
 *   const chatwoot = await ChatwootStandIn.start({ account: 3, inbox: 7, token: 't', secret: 's' });
 *   chatwoot.hook = `${gw.url}/hooks/helpdesk`;
 *   const conversation = await until(() => chatwoot.conversations[0], 'a conversation');
 *   await chatwoot.write(conversation, 'Mia', 'Hello');   // as a human; the answer of the webhook
 *   await chatwoot.assign(conversation, 'Mia');
 *   await chatwoot.status(conversation, 'resolved');
 *   chatwoot.fail = request => 503;                        // a status instead of the answer
 *   chatwoot.lose = request => true;                       // done, but the answer is lost
 */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

export class ChatwootStandIn {
    static async start(options) {
        const standin = new ChatwootStandIn();
        Object.assign(standin, options, { contacts: [], conversations: [], last: 0, requests: [] });
        standin.server = createServer((req, res) => standin.serve(req, res));
        await new Promise(done => standin.server.listen(0, '127.0.0.1', done));
        standin.url = `http://127.0.0.1:${standin.server.address().port}`;
        return standin;
    }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }

    async serve(req, res) {
        let raw = '';
        for await (const chunk of req) raw += chunk;
        const say = (status, body) =>
            res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
        const url = new URL(req.url, this.url);
        const request = { method: req.method, path: url.pathname, query: url.searchParams,
                          body: raw ? JSON.parse(raw) : null };
        this.requests.push(request);
        const refused = this.fail?.(request);
        if (refused) return say(refused, { errors: ['refused'] });
        if (req.headers.api_access_token !== this.token) return say(401, { errors: ['token'] });
        const base = `/api/v1/accounts/${this.account}/`;
        if (!url.pathname.startsWith(base)) return say(404, { error: 'not found' });
        const [status, body] = this.route(request, url.pathname.slice(base.length));
        if (this.lose?.(request)) return res.destroy();
        return say(status, body);
    }

    route({ method, query, body }, path) {
        const at = `${method} ${path}`;
        let match;
        if (at === 'GET contacts/search')
            return [200, { meta: {}, payload: this.contacts.filter(c =>
                c.identifier.includes(query.get('q'))) }];
        if (at === 'POST contacts') return this.addContact(body);
        if ((match = at.match(/^GET contacts\/(\d+)\/conversations$/)))
            return [200, { payload: this.conversations.filter(c => c.contact === +match[1])
                .map(c => this.shown(c)) }];
        if (at === 'POST conversations') return this.addConversation(body);
        if (!(match = at.match(/^(GET|POST) conversations\/(\d+)\/(\w+)$/)))
            return [404, { error: 'not found' }];
        const conversation = this.conversations.find(c => c.id === +match[2]);
        if (!conversation) return [404, { error: 'not found' }];
        switch (`${match[1]} ${match[3]}`) {
        case 'GET messages': return [200, { payload: conversation.messages.slice(-20) }];
        case 'POST messages': return this.addMessage(conversation, body);
        case 'POST custom_attributes': // replaced as a whole
            conversation.custom_attributes = body.custom_attributes;
            return [200, { custom_attributes: body.custom_attributes }];
        case 'POST toggle_status':
            this.status(conversation, body.status);
            return [200, { payload: { success: true, conversation_id: conversation.id } }];
        default: return [404, { error: 'not found' }];
        }
    }

    addContact(body) {
        if (body.inbox_id !== this.inbox) return [404, { error: 'inbox' }];
        if (this.contacts.some(c => c.identifier === body.identifier))
            return [422, { message: 'Identifier has already been taken' }];
        const link = { source_id: `src-${++this.last}`, inbox: { id: this.inbox, name: 'Tandem' } };
        const contact = { id: ++this.last, name: body.name, identifier: body.identifier,
                          contact_inboxes: [link] };
        this.contacts.push(contact);
        return [200, { payload: { contact, contact_inbox: link } }];
    }

    addConversation(body) {
        const contact = this.contacts.find(c => c.id === body.contact_id &&
            c.contact_inboxes.some(i => i.source_id === body.source_id));
        if (!contact || body.inbox_id !== this.inbox) return [404, { error: 'contact' }];
        const conversation = { id: ++this.last, contact: contact.id, status: body.status,
                               custom_attributes: body.custom_attributes, messages: [],
                               assignee: null };
        this.conversations.push(conversation);
        return [200, { id: conversation.id, account_id: this.account, inbox_id: this.inbox }];
    }

    addMessage(conversation, body) {
        if (typeof body.content !== 'string' || !body.content) return [422, { message: 'content' }];
        const message = { id: ++this.last, content: body.content, private: body.private === true,
                          message_type: body.message_type === 'incoming' ? 0 : 1,
                          content_type: 'text', content_attributes: body.content_attributes ?? {},
                          created_at: Math.floor(Date.now() / 1000) };
        conversation.messages.push(message);
        this.told(conversation, message, { id: 1, name: 'Tandem', type: 'user' });
        return [200, message];
    }

    /* ---- Webhooks ------------------------------------------------------------------------ */

    shown(c) {
        return { id: c.id, inbox_id: this.inbox, status: c.status, channel: 'Channel::Api',
                 custom_attributes: c.custom_attributes, updated_at: ++this.last,
                 meta: { assignee: c.assignee && { id: 9, name: c.assignee, type: 'user' } } };
    }

    told(conversation, message, sender, attachments) {
        return this.deliver({ event: 'message_created', ...message, sender, attachments,
                              message_type: message.message_type === 0 ? 'incoming' : 'outgoing',
                              account: { id: this.account }, inbox: { id: this.inbox },
                              conversation: this.shown(conversation) });
    }

    /** One delivery; { status, body } of the answer. `key`: another secret. */
    async deliver(payload, key = this.secret) {
        if (!this.hook) return null;
        const body = JSON.stringify(payload), at = String(Math.floor(Date.now() / 1000));
        const signature = createHmac('sha256', key).update(`${at}.${body}`).digest('hex');
        const res = await fetch(this.hook, {
            method: 'POST', body, headers: { 'Content-Type': 'application/json',
                'X-Chatwoot-Timestamp': at, 'X-Chatwoot-Signature': `sha256=${signature}` },
        }).catch(() => null);
        return res && { status: res.status, body: await res.text() };
    }

    write(conversation, human, content, more = {}) {
        const message = { id: ++this.last, content, private: false, message_type: 1,
                          content_type: 'text', content_attributes: {}, ...more };
        conversation.messages.push(message);
        this.newest = message;
        return this.told(conversation, message, { id: 9, name: human, type: 'user' },
                         more.attachments);
    }

    assign(conversation, human) {
        conversation.assignee = human;
        return this.deliver({ event: 'conversation_updated', ...this.shown(conversation),
                              changed_attributes: [{ assignee_id: { previous_value: null,
                                                                    current_value: 9 } }] });
    }

    status(conversation, status) {
        conversation.status = status;
        return this.deliver({ event: 'conversation_status_changed', ...this.shown(conversation) });
    }

    typing(conversation, on) {
        return this.deliver({ event: `conversation_typing_${on ? 'on' : 'off'}`, is_private: false,
                              conversation: this.shown(conversation),
                              user: { id: 9, name: conversation.assignee, type: 'user' } });
    }
}
