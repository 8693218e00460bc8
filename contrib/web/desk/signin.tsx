/** signin.tsx - the door of both pages: a token, and why it was not taken. */
import { LanguageSwitch } from './language';
import { t } from './words';

interface Props { title: string; about: string; hint: string; why: string; isBusy: boolean; enter(token: string): void }

export function SignIn({ title, about, hint, why, isBusy, enter }: Props) {
    return <main class="signin">
        <form onSubmit={event => {
            event.preventDefault();
            const token = String(new FormData(event.currentTarget).get('token')).trim();
            if (token) enter(token);
        }}>
            <span class="mark" aria-hidden="true"><i /><i /></span>
            <h1>{title}</h1>
            <p class="soft">{about}</p>
            <label>{t.token}
                <input name="token" type="password" autocomplete="current-password" required autofocus
                    aria-invalid={why ? true : undefined} aria-describedby="why" />
            </label>
            <p id="why" class="why" role="alert">{why}</p>
            <button class="solid" disabled={isBusy}>{isBusy ? t.signingIn : t.signIn}</button>
            <p class="soft small">{hint}</p>
            <LanguageSwitch />
        </form>
    </main>;
}
