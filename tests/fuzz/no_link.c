/* no_link.c - in place of web_link.c: no socket, a peer that reads everything at once. */
#include "config.h"

#include "io/web_private.h"

ssize_t link_write(void *link, const char *data, size_t len)
{
    (void)link;
    (void)data;
    return (ssize_t)len;
}

int link_busy(void *link)
{
    (void)link;
    return 0;
}

void link_want_write(void *link)
{
    (void)link;
}

void link_bound_kernel(void *link, size_t bytes)
{
    (void)link;
    (void)bytes;
}

void link_pause(void *link, int on)
{
    (void)link;
    (void)on;
}

void link_shutdown(void *link)
{
    (void)link;
}

void link_kill(void *link, int reset)
{
    (void)link;
    (void)reset;
}
