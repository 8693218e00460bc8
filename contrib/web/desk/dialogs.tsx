/** dialogs.tsx - the ends of a conversation, and the list of keys. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Wrapup } from './api';
import { KEYS } from './hooks';
import type { Store, Talk } from './store';
import { plain, reasons } from './words';

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
            <footer>{act && <button type="button" class="plain" onClick={() => dialog.current!.close()}>Cancel <kbd>Esc</kbd></button>}
                <button class="solid" disabled={isBusy}>{act ?? 'Close'} </button></footer>
        </form>
    </dialog>;
}

const said = (form: FormData, name: string) => String(form.get(name) ?? '').trim();

function Choice({ name, legend, all, first }: { name: string; legend: string; all: string[]; first?: string }) {
    return <fieldset class="choice"><legend>{legend}</legend><div>
        {all.map((one, i) => <label><input type="radio" name={name} value={one} checked={first === one} required={!!first && i === 0} />
            <span>{plain(one)}</span></label>)}</div></fieldset>;
}

const Wrap = () => <>
    <Choice name="outcome" legend="How did it end?" all={['resolved', 'unresolved', 'spam']} first="resolved" />
    <Choice name="escalation" legend="Was it right to hand over to a person?" all={['right', 'early', 'late', 'needless']} />
    <label>Another reason fits better
        <select name="reason_should_be"><option value="">No, the reason was right</option>
            {reasons.map(([code, text]) => <option value={code}>{text}</option>)}</select></label>
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
    return <Frame title={<>Transfer <bdi>{store.name(talk)}</bdi></>} act="Transfer" submit={submit} done={done}>
        <label>To
            <select name="to" required autofocus>
                <optgroup label="Queues">{queues.map(one => <option value={`queue ${one.name}`}>{plain(one.name)}{one.open ? `, ${one.waiting} waiting` : ', closed'}</option>)}</optgroup>
                {others.length > 0 && <optgroup label="Colleagues">{others.map(one => <option value={`human ${one.id}`}>{one.name}, {one.presence}</option>)}</optgroup>}
            </select></label>
        <label>What they should know<textarea name="note" rows={3} dir="auto" maxLength={1000} /></label>
    </Frame>;
}

export function GiveBack({ store, talk, done }: Props) {
    const submit = (form: FormData) => store.giveBack(talk.id, said(form, 'note'), wrapup(form));
    return <Frame title={<>Give <bdi>{store.name(talk)}</bdi> back to the agent</>} act="Give back" submit={submit} done={done}>
        <label>What you agreed on: the agent goes on from here<textarea name="note" rows={3} dir="auto" maxLength={2000} autofocus /></label>
        <Wrap />
    </Frame>;
}

export function Close({ store, talk, done }: Props) {
    const submit = (form: FormData) => store.close(talk.id, wrapup(form));
    return <Frame title={<>Close the conversation with <bdi>{store.name(talk)}</bdi></>} act="Close the conversation" submit={submit} done={done}>
        <Wrap />
        <label>Note<textarea name="note" rows={2} dir="auto" maxLength={2000} /></label>
    </Frame>;
}

export function Keys({ done }: { done(): void }) {
    return <Frame title="Keys" done={done}><dl class="keys">{KEYS.map(([key, , what]) => <div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}
        <div><dt><kbd>/</kbd></dt><dd>Canned replies, in an empty message</dd></div></dl></Frame>;
}
