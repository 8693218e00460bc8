/** page.ts - the page at /chat/: the widget, as large as the page. ?channel=NAME picks another one,
 *  ?locale=, ?theme= and ?heading= what they say. */
import '../widget';

const query = new URLSearchParams(location.search), title = document.title;
const chat = document.createElement('tandem-chat');

chat.setAttribute('layout', 'page');
chat.setAttribute('gateway', new URL('..', location.href).href);
for (const name of ['channel', 'locale', 'theme', 'heading']) {
    const value = query.get(name);
    if (value) chat.setAttribute(name, value);
}
chat.addEventListener('tandem-unread', event => {
    const { detail } = event as CustomEvent<number>;
    document.title = detail > 0 ? `(${detail}) ${title}` : title;
});
document.getElementById('chat')!.append(chat);
