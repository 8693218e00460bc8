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

static void add_file(struct web *web, const char *dir, const char *name)
{
    char *path = mem_printf("%s/%s", dir, name), *url = mem_printf("/chat/%s", name);
    const char *type = type_of(name);
    struct buf body = { 0 };

    if (read_file(path, &body) != 0) {
        LOG_WARN(NULL, "the page %s is not served: %s", path, strerror(errno));
    } else {
        web_static(web, url, type, body.data, body.len);
        if (strcmp(name, "index.html") == 0)
            web_static(web, "/chat/", type, body.data, body.len);
    }
    buf_fini(&body);
    free(url);
    free(path);
}

void pages_add(struct web *web, const char *data_dir)
{
    char *dir_path = mem_printf("%s/chat", data_dir);
    DIR *dir = opendir(dir_path);
    const struct dirent *entry;

    if (!dir)
        LOG_WARN(NULL, "the chat page is not served: %s: %s", dir_path, strerror(errno));
    while (dir && (entry = readdir(dir))) {
        if (type_of(entry->d_name))
            add_file(web, dir_path, entry->d_name);
    }
    if (dir)
        closedir(dir);
    free(dir_path);
}
