/* files.c - calls to the thread behind, and what came of them back to the loop. */
#include "config.h"

#include "files/files.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "files/files_private.h"

#define MOST_JOBS 1000
#define MOST_BYTES (128u << 20) /* that wait to be written */

enum kind { PUT, USE, GET, ERASE, SWEEP };

struct job {
    struct job *next;
    enum kind kind;
    struct file_info info; /* PUT, GET */
    void *data;
    size_t len;
    struct ulid session, ids[FILES_MOST];
    struct file_info *infos; /* USE */
    size_t n, which;
    char owner[FILES_OWNER];
    int64_t unused_before, used_before;
    enum files_status status;
    union {
        files_put_fn *put;
        files_use_fn *use;
        files_get_fn *get;
        files_done_fn *done;
    } fn;
    void *arg;
};

struct jobs {
    struct job *head, **tail;
};

/* It may outlive its owner: the loop may still hold a post. */
struct files {
    struct files_conf conf;
    struct disk disk;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct jobs waiting, done;
    size_t n_jobs, n_bytes; /* not called back yet */
    int closing, posted, closed;
};

static void add(struct jobs *jobs, struct job *job)
{
    if (jobs->head == NULL)
        jobs->tail = &jobs->head;
    job->next = NULL;
    *jobs->tail = job;
    jobs->tail = &job->next;
}

static struct job *pop(struct jobs *jobs)
{
    struct job *job = jobs->head;

    if (job != NULL)
        jobs->head = job->next;
    return job;
}

/* ---- The thread --------------------------------------------------------------------------- */

static void run(struct files *files, struct job *job)
{
    struct disk *disk = &files->disk;

    switch (job->kind) {
    case PUT: job->status = disk_put(disk, &job->info, job->data, job->len); break;
    case USE:
        job->infos = mem_array(job->n + 1, sizeof *job->infos);
        job->status = disk_use(disk, job->ids, job->n, &job->session, job->owner, job->infos,
                               &job->which);
        break;
    case GET: job->status = disk_get(disk, &job->ids[0], &job->info, &job->data); break;
    case ERASE: job->status = disk_erase(disk, &job->session, &job->n); break;
    case SWEEP:
        job->status = disk_sweep(disk, job->unused_before, job->used_before, &job->n);
        break;
    }
}

static void call_back(struct job *job)
{
    switch (job->kind) {
    case PUT: job->fn.put(job->arg, job->status, &job->info); break;
    case USE: job->fn.use(job->arg, job->status, job->infos, job->n, job->which); break;
    case GET: job->fn.get(job->arg, job->status, &job->info, job->data); break;
    case ERASE:
    case SWEEP: job->fn.done(job->arg, job->status, job->n); break;
    }
}

static void job_free(struct job *job)
{
    free(job->data);
    free(job->infos);
    free(job);
}

static void deliver(struct files *files)
{
    struct jobs done;
    struct job *job;

    pthread_mutex_lock(&files->lock);
    done = files->done;
    files->done = (struct jobs){ 0 };
    for (job = done.head; job != NULL; job = job->next) {
        files->n_jobs--;
        files->n_bytes -= job->len;
    }
    pthread_mutex_unlock(&files->lock);
    while ((job = pop(&done)) != NULL) {
        call_back(job);
        job_free(job);
    }
}

static void files_free(struct files *files)
{
    pthread_cond_destroy(&files->work);
    pthread_mutex_destroy(&files->lock);
    free(files);
}

static void on_post(void *arg)
{
    struct files *files = arg;

    pthread_mutex_lock(&files->lock);
    files->posted = 0;
    pthread_mutex_unlock(&files->lock);
    if (files->closed)
        files_free(files);
    else
        deliver(files);
}

/* With the lock held. */
static void finished(struct files *files, struct job *job)
{
    add(&files->done, job);
    if (files->posted || files->closing) /* files_close() looks by itself */
        return;
    files->posted = 1;
    files->conf.post(files->conf.loop, on_post, files);
}

static void *thread_main(void *arg)
{
    struct files *files = arg;
    struct job *job;

    pthread_mutex_lock(&files->lock);
    for (;;) {
        while ((job = pop(&files->waiting)) == NULL && !files->closing)
            pthread_cond_wait(&files->work, &files->lock);
        if (job == NULL)
            break;
        pthread_mutex_unlock(&files->lock);
        run(files, job);
        pthread_mutex_lock(&files->lock);
        finished(files, job);
    }
    pthread_mutex_unlock(&files->lock);
    return NULL;
}

/* ---- The calls ---------------------------------------------------------------------------- */

struct files *files_open(const struct files_conf *conf, struct err *err)
{
    struct files *files = mem_alloc(sizeof *files);
    sigset_t all, before;
    int failed;

    *files = (struct files){ .conf = *conf, .disk = { .min_free = conf->min_free } };
    pthread_mutex_init(&files->lock, NULL);
    pthread_cond_init(&files->work, NULL);
    if (disk_open(&files->disk, conf->dir, err) != 0) {
        files_free(files);
        return NULL;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop thread's */
    failed = pthread_create(&files->thread, NULL, thread_main, files);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        err_set(err, "cannot start a thread for files: %s", strerror(failed));
        disk_close(&files->disk);
        files_free(files);
        return NULL;
    }
    return files;
}

void files_close(struct files **files_p)
{
    struct files *files = *files_p;

    *files_p = NULL;
    if (files == NULL)
        return;
    pthread_mutex_lock(&files->lock);
    files->closing = 1;
    pthread_cond_signal(&files->work);
    pthread_mutex_unlock(&files->lock);
    pthread_join(files->thread, NULL);
    deliver(files);
    disk_close(&files->disk);
    files->closed = 1;
    if (!files->posted)
        files_free(files);
}

static void start(struct files *files, struct job *job)
{
    pthread_mutex_lock(&files->lock);
    if (files->closing || files->n_jobs >= MOST_JOBS ||
        (job->len > 0 && files->n_bytes + job->len > MOST_BYTES)) {
        job->status = FILES_FULL;
        finished(files, job);
    } else {
        add(&files->waiting, job);
        pthread_cond_signal(&files->work);
    }
    files->n_jobs++;
    files->n_bytes += job->len;
    pthread_mutex_unlock(&files->lock);
}

static struct job *job_new(enum kind kind, void *arg)
{
    struct job *job = mem_alloc(sizeof *job);

    job->kind = kind;
    job->arg = arg;
    return job;
}

void files_put(struct files *files, const struct file_info *info, void *data, size_t len,
               files_put_fn *fn, void *arg)
{
    struct job *job = job_new(PUT, arg);

    job->info = *info;
    job->info.id = ulid_new(clock_wall_ms());
    job->data = data;
    job->len = len;
    job->fn.put = fn;
    start(files, job);
}

void files_use(struct files *files, const struct ulid *ids, size_t n, const struct ulid *session,
               const char *owner, files_use_fn *fn, void *arg)
{
    struct job *job = job_new(USE, arg);

    job->n = n < FILES_MOST ? n : FILES_MOST;
    memcpy(job->ids, ids, job->n * sizeof *ids);
    job->session = *session;
    memccpy(job->owner, owner, '\0', sizeof job->owner - 1);
    job->fn.use = fn;
    start(files, job);
}

void files_get(struct files *files, const struct ulid *id, files_get_fn *fn, void *arg)
{
    struct job *job = job_new(GET, arg);

    job->ids[0] = *id;
    job->fn.get = fn;
    start(files, job);
}

void files_erase(struct files *files, const struct ulid *session, files_done_fn *fn, void *arg)
{
    struct job *job = job_new(ERASE, arg);

    job->session = *session;
    job->fn.done = fn;
    start(files, job);
}

void files_sweep(struct files *files, int64_t unused_before, int64_t used_before,
                 files_done_fn *fn, void *arg)
{
    struct job *job = job_new(SWEEP, arg);

    job->unused_before = unused_before;
    job->used_before = used_before;
    job->fn.done = fn;
    start(files, job);
}
