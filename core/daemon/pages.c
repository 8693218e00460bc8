/* pages.c - the pages that come with the gateway. */
#include "config.h"

#include "daemon/pages.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/web.h"

#define MAX_PAGE (4 << 20)
#define MAX_DEPTH 2 /* of directories */

static const struct {
    const char *suffix, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".json", "application/json" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".ico", "image/x-icon" },
    { ".woff2", "font/woff2" },
};

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++) {
        if (strcmp(dot, types[i].suffix) == 0)
            return types[i].type;
    }
    return NULL;
}

/* 0 with the whole file in out; -1 with errno. */
static int read_file(const char *path, struct buf *out)
{
    char chunk[16384];
    size_t n;
    FILE *file = fopen(path, "re");

    if (!file)
        return -1;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0 && out->len <= MAX_PAGE)
        buf_add(out, chunk, n);
    const int failed = ferror(file);
    fclose(file);
    if (out->len > MAX_PAGE)
        errno = EFBIG;
    return failed || out->len > MAX_PAGE ? -1 : 0;
}

/* What may show this page in a frame, as a Content-Security-Policy says it; owned by the caller. */
static char *frames_of(const char *url, const char *const *frames)
{
    struct buf out = { 0 };

    if (strncmp(url, "/chat/", 6) != 0)
        return mem_strdup("'none'");
    buf_str(&out, "'self'");
    for (; frames != NULL && *frames != NULL; frames++)
        buf_printf(&out, " %s", *frames);
    return buf_take(&out);
}

static void serve(struct web *web, const struct web_static *page, const char *const *frames)
{
    static const char index[] = "/index.html";
    size_t len = strlen(page->path), tail = sizeof index - 1;
    char *ancestors = frames_of(page->path, frames), *dir = mem_strdup(page->path);
    struct web_static out = *page;

    out.frames = ancestors;
    web_static(web, &out);
    if (len > tail && strcmp(page->path + len - tail, index) == 0) {
        out.path = dir;
        dir[len - tail + 1] = '\0';
        web_static(web, &out);
        dir[len - tail] = '\0'; /* its relative paths must hold here, too: below / they do */
        if (strchr(dir + 1, '/'))
            web_static(web, &out);
    }
    free(dir);
    free(ancestors);
}

static void add_file(struct web *web, const char *path, const char *url, const char *const *frames)
{
    char *gzip_path = mem_printf("%s.gz", path);
    struct buf body = { 0 }, gzip = { 0 };

    if (read_file(path, &body) != 0) {
        LOG_WARN(NULL, "the page %s is not served: %s", path, strerror(errno));
    } else {
        const int is_small = read_file(gzip_path, &gzip) == 0;
        serve(web, &(struct web_static){
            .path = url, .content_type = type_of(url), .body = body.data, .len = body.len,
            .gzip = is_small ? gzip.data : NULL, .gzip_len = gzip.len,
            .is_named_by_content = strncmp(url, "/assets/", 8) == 0,
        }, frames);
    }
    buf_fini(&body);
    buf_fini(&gzip);
    free(gzip_path);
}

/* url: of the directory, ends in '/'; depth: of directories below it. */
static void add_dir(struct web *web, const char *path, const char *url, const char *const *frames,
                    int depth)
{
    const struct dirent *entry;
    DIR *dir = opendir(path);

    if (!dir) {
        if (errno != ENOTDIR || strcmp(url, "/") == 0)
            LOG_WARN(NULL, "the pages in %s are not served: %s", path, strerror(errno));
        return;
    }
    while ((entry = readdir(dir))) {
        char *below = mem_printf("%s/%s", path, entry->d_name);
        char *below_url = mem_printf("%s%s", url, entry->d_name);

        if (type_of(entry->d_name)) {
            add_file(web, below, below_url, frames);
        } else if (depth > 0 && !strchr(entry->d_name, '.')) {
            char *dir_url = mem_printf("%s/", below_url);
            add_dir(web, below, dir_url, frames, depth - 1);
            free(dir_url);
        }
        free(below_url);
        free(below);
    }
    closedir(dir);
}

void pages_add(struct web *web, const char *dir, const char *const *frames)
{
    add_dir(web, dir, "/", frames, MAX_DEPTH);
}
