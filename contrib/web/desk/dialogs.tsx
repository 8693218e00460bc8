/** dialogs.tsx - the ends of a conversation, and the list of keys. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Wrapup } from './api';
import { KEYS } from './hooks';
import type { Store, Talk } from './store';
import { fill, plain, reasons, rich, t, word } from './words';

function Frame({ title, children, act, submit, done }: {
    title: ComponentChildren; children: ComponentChildren; act?: string; submit?(form: FormData): Promise<boolean>; done(): void;
}) {
    const dialog = useRef<HTMLDialogElement>(null), [isBusy, setBusy] = useState(false);
    useLayoutEffect(() => dialog.current!.showModal(), []);
    return <dialog ref={dialog} aria-labelledby="dialog-title" onClose={done}>
        <form onSubmit={async event => {
            event.preventDefault();
            if (!submit) return dialog.current!.close();
            setBusy(true);
            const isOver = await submit(new FormData(event.currentTarget));
            setBusy(false);
            if (isOver) done();
        }}>
            <h2 id="dialog-title">{title}</h2>
            {children}
            <footer>{act && <button type="button" class="plain" onClick={() => dialog.current!.close()}>{t.cancel} <kbd>Esc</kbd></button>}
                <button class="solid" disabled={isBusy}>{act ?? t.close} </button></footer>
        </form>
    </dialog>;
}

const said = (form: FormData, name: string) => String(form.get(name) ?? '').trim();

function Choice({ name, legend, all, first }: { name: string; legend: string; all: string[]; first?: string }) {
    return <fieldset class="choice"><legend>{legend}</legend><div>
        {all.map((one, i) => <label><input type="radio" name={name} value={one} checked={first === one} required={!!first && i === 0} />
            <span>{word(one)}</span></label>)}</div></fieldset>;
}

const Wrap = () => <>
    <Choice name="outcome" legend={t.howEnded} all={['resolved', 'unresolved', 'spam']} first="resolved" />
    <Choice name="escalation" legend={t.wasItRight} all={['right', 'early', 'late', 'needless']} />
    <label>{t.otherReason}
        <select name="reason_should_be"><option value="">{t.reasonRight}</option>
            {reasons().map(([code, text]) => <option value={code}>{text}</option>)}</select></label>
</>;

function wrapup(form: FormData): Wrapup {
    const all = { outcome: said(form, 'outcome'), escalation: said(form, 'escalation'),
                  reason_should_be: said(form, 'reason_should_be'), note: said(form, 'note') };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
}

interface Props { store: Store; talk: Talk; done(): void }

export function Transfer({ store, talk, done }: Props) {
    const { queues, humans } = store.team, others = humans.filter(one => one.id !== store.me.id);
    const submit = (form: FormData) => {
        const [kind, ...rest] = said(form, 'to').split(' '), to = rest.join(' ');
        return store.transfer(talk.id, kind === 'human' ? { human: to } : { queue: to }, said(form, 'note'));
    };
    return <Frame title={rich(t.transferName, { name: <bdi>{store.name(talk)}</bdi> })} act={t.transfer} submit={submit} done={done}>
        <label>{t.to}
            <select name="to" required autofocus>
                <optgroup label={t.queues}>{queues.map(one => <option value={`queue ${one.name}`}>{fill(one.open ? t.queueWaiting : t.queueClosed, { queue: plain(one.name), n: one.waiting })}</option>)}</optgroup>
                {others.length > 0 && <optgroup label={t.colleagues}>{others.map(one => <option value={`human ${one.id}`}>{one.name}, {word(one.presence)}</option>)}</optgroup>}
            </select></label>
        <label>{t.shouldKnow}<textarea name="note" rows={3} dir="auto" maxLength={1000} /></label>
    </Frame>;
}

export function GiveBack({ store, talk, done }: Props) {
    const submit = (form: FormData) => store.giveBack(talk.id, said(form, 'note'), wrapup(form));
    return <Frame title={rich(t.giveBackName, { name: <bdi>{store.name(talk)}</bdi> })} act={t.giveBack} submit={submit} done={done}>
        <label>{t.agreed}<textarea name="note" rows={3} dir="auto" maxLength={2000} autofocus /></label>
        <Wrap />
    </Frame>;
}

export function Close({ store, talk, done }: Props) {
    const submit = (form: FormData) => store.close(talk.id, wrapup(form));
    return <Frame title={rich(t.closeName, { name: <bdi>{store.name(talk)}</bdi> })} act={t.closeTalk} submit={submit} done={done}>
        <Wrap />
        <label>{t.note}<textarea name="note" rows={2} dir="auto" maxLength={2000} /></label>
    </Frame>;
}

export function Move({ store, talk, done }: Props) {
    return <Frame title={rich(t.moveName, { name: <bdi>{store.name(talk)}</bdi> })} act={t.moveSend} submit={() => store.move(talk)} done={done}>
        <p>{t.moveAbout}</p>
    </Frame>;
}

export function Keys({ done }: { done(): void }) {
    return <Frame title={t.keysTitle} done={done}><dl class="keys">{KEYS.map(([key, what]) => <div><dt><kbd>{key}</kbd></dt><dd>{t.keys[what]}</dd></div>)}</dl></Frame>;
}
