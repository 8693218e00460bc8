/* fake_host_private.h - deep copies of what a plugin says, for fake_host.c and fake_copy.c only. */
#ifndef KIT_FAKE_HOST_PRIVATE_H
#define KIT_FAKE_HOST_PRIVATE_H

#include "kit/fake_host.h"

struct fake_record {
    struct fake_call call; /* first: a record is found from its call */
    struct fake_record *next;
    int taken;
    struct fake *fake;
    td_http_cb *cb; /* NULL: not a request, or it has ended */
    void *arg;
};

/* Everything that lives as long as the fake. */
struct fake_mem {
    struct fake_chunk *chunks;
};

void fake_mem_fini(struct fake_mem *mem);
/* Zeroed when p is NULL; NUL is put after the copy. */
void *fake_keep(struct fake_mem *mem, const void *p, size_t len);
const char *fake_str(struct fake_mem *mem, const char *s); /* NULL gives NULL */

const void *fake_conf_fill(struct fake_mem *mem, const struct td_plugin *plugin, const char *lines);

const struct td_inbound *fake_inbound(struct fake_mem *mem, const struct td_inbound *in);
const struct td_attach *fake_attach(struct fake_mem *mem, const struct td_attach *attach);
const struct td_event *fake_event_copy(struct fake_mem *mem, const struct td_event *event);
const struct td_sent *fake_sent(struct fake_mem *mem, const struct td_sent *sent);
const struct td_answer *fake_answer(struct fake_mem *mem, const struct td_answer *answer);
const struct td_http_request *fake_request_copy(struct fake_mem *mem,
                                                const struct td_http_request *request);
const struct td_web_reply *fake_reply(struct fake_mem *mem, const struct td_web_reply *reply);
const struct td_ws_conf *fake_ws_conf_copy(struct fake_mem *mem, const struct td_ws_conf *conf);

#endif
