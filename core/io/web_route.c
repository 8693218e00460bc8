/* web_route.c - which paths there are, and the bytes of those that never change. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/crypt.h"
#include "base/mem.h"
#include "io/web_private.h"

struct route *route_new(enum route_kind kind, uint32_t id, const char *path)
{
    struct route *route = mem_alloc(sizeof *route);

    route->kind = kind;
    route->id = id;
    route->path = mem_strdup(path);
    route->path_len = strlen(path);
    route->prefix = kind == ROUTE_CALL && route->path_len > 0 && path[route->path_len - 1] == '/';
    return route;
}

static void form_fini(struct form *form)
{
    buf_fini(&form->head);
    free(form->body);
}

void route_free(struct route *route)
{
    struct per_address *one, *next;

    HASH_ITER(hh, route->addresses, one, next) {
        HASH_DEL(route->addresses, one);
        free(one);
    }
    for (size_t i = 0; route->origins != NULL && route->origins[i] != NULL; i++)
        free(route->origins[i]);
    free(route->origins);
    free(route->subprotocol);
    form_fini(&route->plain);
    form_fini(&route->gzip);
    free(route->path);
    free(route);
}

static int route_fits(const struct route *route, const char *path, int control)
{
    return (!route->control_only || control) &&
           strncmp(path, route->path, route->path_len) == 0 &&
           (path[route->path_len] == '\0' || route->prefix);
}

struct route *route_find(struct web *web, const char *path, int control)
{
    struct route *best = NULL;

    for (struct route *route = web->routes; route != NULL; route = route->next) {
        if (route_fits(route, path, control) &&
            (best == NULL || route->path_len > best->path_len))
            best = route;
    }
    return best;
}

struct route *route_find_above(struct web *web, const struct route *below, const char *path)
{
    struct route *best = NULL;

    for (struct route *route = web->routes; route != NULL; route = route->next) {
        if (route->kind == ROUTE_CALL && route->path_len < below->path_len &&
            route_fits(route, path, 0) && (best == NULL || route->path_len > best->path_len))
            best = route;
    }
    return best;
}

static void form_init(struct form *form, const struct web_static *page, const void *body,
                      size_t len)
{
    const int is_html = strncasecmp(page->content_type, "text/html", 9) == 0;
    uint8_t hash[CRYPT_HASH];
    char hex[33];

    crypt_sha256(body, len, hash);
    crypt_hex(hash, 16, hex);
    snprintf(form->etag, sizeof form->etag, "\"%s\"", hex);
    form->body = mem_dup(body, len);
    form->len = len;
    buf_printf(&form->head, "Content-Type: %s\r\nETag: %s\r\nCache-Control: %s\r\n",
               page->content_type, form->etag,
               page->is_named_by_content ? "public, max-age=31536000, immutable" : "no-cache");
    buf_str(&form->head, "X-Content-Type-Options: nosniff\r\n");
    if (page->gzip != NULL)
        buf_str(&form->head, "Vary: Accept-Encoding\r\n");
    if (body == page->gzip)
        buf_str(&form->head, "Content-Encoding: gzip\r\n");
    if (is_html)
        buf_printf(&form->head, PAGE_POLICY, page->frames != NULL ? page->frames : "'self'");
    buf_str(&form->head, "\r\n");
}

struct route *route_new_static(uint32_t id, const struct web_static *page)
{
    struct route *route = route_new(ROUTE_STATIC, id, page->path);

    form_init(&route->plain, page, page->body, page->len);
    if (page->gzip != NULL)
        form_init(&route->gzip, page, page->gzip, page->gzip_len);
    return route;
}
