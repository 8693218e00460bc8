/** upload.ts - a file to the gateway, with progress: fetch() does not tell how far it is. */
export interface Attachment { id: string; name: string; type: string; size: number; url: string }

const TRIES = 4, LONGEST_WAIT = 10000; // ms

/** What the gateway says of the file, or an error with its sentence ("": the connection broke). */
export async function upload(url: URL, file: File, token: string, progress: (part: number) => void,
                             signal: AbortSignal): Promise<Attachment> {
    url.searchParams.set('name', file.name);
    for (let tries = 1; ; tries++) {
        const { status, body } = await post(url.href, file, token, progress, signal);
        if (status === 201 || status === 200) return body;
        const wait = body?.error?.retry_after_ms;
        if (!wait || wait > LONGEST_WAIT || tries === TRIES)
            throw new Error(body?.error?.message ?? String(status));
        await new Promise(done => setTimeout(done, wait));
    }
}

function post(url: string, file: File, token: string, progress: (part: number) => void,
              signal: AbortSignal): Promise<{ status: number; body: any }> {
    return new Promise((done, fail) => {
        const request = new XMLHttpRequest();
        request.open('POST', url);
        request.setRequestHeader('Authorization', `Bearer ${token}`);
        request.responseType = 'json';
        request.upload.onprogress = ({ loaded, total }) => { if (total) progress(loaded / total); };
        request.onload = () => done({ status: request.status, body: request.response });
        request.onerror = () => fail(new Error(''));
        request.onabort = () => fail(new DOMException('aborted', 'AbortError'));
        signal.addEventListener('abort', () => request.abort());
        request.send(file);
    });
}
