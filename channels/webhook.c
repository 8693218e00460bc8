/*
 * webhook.c - a channel to any provider that speaks JSON over HTTP both ways; which one is conf.
 *
 * In: POST /hooks/<name>, verified over the raw body, mapped by JSON Pointers (webhook_in.c).
 * Out: one POST a message, filled from a template (webhook_out.c). conf/samples has two providers.
 */
#include "config.h"

#include "channels/webhook_private.h"

static const char *const schemes[] = { "standard", "meta", "slack", "bearer", "none", NULL };
static const char *const auths[] = { "none", "bearer", "standard", "meta", NULL };

static const struct td_conf_key conf_keys[] = {
    TD_CONF_ENUM(struct conf, verify, 0, "standard", schemes,
                 "How the provider's requests are signed, or carry a token."),
    TD_CONF_SECRET(struct conf, secret, 0,
                   "Keys or tokens of the provider's requests; several with white space between "
                   "all hold."),
    TD_CONF_STR(struct conf, verify_header, 0, "Authorization",
                "With verify = bearer, the header of the token."),
    TD_CONF_SECRET(struct conf, verify_token, 0,
                   "Answers a GET with hub.challenge that carries it; unset, 405."),
    TD_CONF_DURATION(struct conf, tolerance, 0, "5min", 1000, 3600000,
                     "How far the timestamp of a signature may be from now."),
    TD_CONF_STR(struct conf, message_list, 0, NULL,
                "JSON Pointer to a message, a segment * being every element of an array; unset, "
                "the whole body is one."),
    TD_CONF_LIST(struct conf, in_id, 0, "/id",
                 "Pointers inside a message to the provider's id of it; the first that fits "
                 "counts, and 2/x begins two levels up."),
    TD_CONF_LIST(struct conf, in_peer, 0, "/from", "Pointers to the customer's address."),
    TD_CONF_LIST(struct conf, in_text, 0, "/text", "Pointers to the text."),
    TD_CONF_LIST(struct conf, in_choice, 0, "/choice",
                 "Pointers to the value of an offered choice."),
    TD_CONF_LIST(struct conf, in_account, 0, NULL,
                 "Pointers to our address that the customer wrote to."),
    TD_CONF_LIST(struct conf, in_name, 0, "/name", "Pointers to the customer's name."),
    TD_CONF_LIST(struct conf, in_time, 0, "/time",
                 "Pointers to when it was written, in s or ms since 1970 or as a date."),
    TD_CONF_LIST(struct conf, in_file, 0, NULL,
                 "Pointers to a file that came with a message: its URL, or what file_lookup or "
                 "file_url make one of."),
    TD_CONF_LIST(struct conf, in_file_name, 0, NULL, "Pointers to its name."),
    TD_CONF_STR(struct conf, file_lookup, 0, NULL,
                "URL that is asked first, with {file}, {account} and {secret} filled in; its "
                "answer is JSON."),
    TD_CONF_LIST(struct conf, file_found, 0, "/url",
                 "Pointers in that JSON to the file's URL, or to what stands for {file} in "
                 "file_url."),
    TD_CONF_STR(struct conf, file_url, 0, NULL,
                "URL of the file, with {file}, {account} and {secret} filled in; unset, what was "
                "found is the URL, and its host is one of file_hosts."),
    TD_CONF_LIST(struct conf, file_hosts, 0, NULL,
                 "Hosts, with their port if it is not the usual one, from which a URL found is "
                 "fetched; with auth = bearer they get its token. * lets any other host be asked, "
                 "without a token, if its address is one of the public Internet."),
    TD_CONF_SIZE(struct conf, max_file, 0, "10M", 1024, 64 << 20, "Largest file that is fetched."),
    TD_CONF_STR(struct conf, text_other, 0, NULL,
                "What is taken for the text of a message that has none; unset, it is not taken."),
    TD_CONF_STR(struct conf, status_list, 0, NULL,
                "JSON Pointer to a receipt, as message_list; unset, there are none."),
    TD_CONF_LIST(struct conf, status_id, 0, "/id", "Pointers to the id the receipt is about."),
    TD_CONF_LIST(struct conf, status_value, 0, "/status", "Pointers to its word."),
    TD_CONF_LIST(struct conf, status_sent, 0, "sent", "Words for sent."),
    TD_CONF_LIST(struct conf, status_delivered, 0, "delivered", "Words for delivered."),
    TD_CONF_LIST(struct conf, status_read, 0, "read", "Words for read."),
    TD_CONF_LIST(struct conf, status_failed, 0, "failed", "Words for failed."),
    TD_CONF_STR(struct conf, echo_list, 0, NULL,
                "JSON Pointer to what somebody else wrote to a customer, such as with the "
                "provider's app, as message_list; a human has the session then. Unset, none."),
    TD_CONF_LIST(struct conf, echo_peer, 0, "/to", "Pointers to the customer's address in it."),
    TD_CONF_LIST(struct conf, echo_name, 0, NULL, "Pointers to the name of who wrote it."),
    TD_CONF_INT(struct conf, receipts, 0, "10000", 1, 1000000,
                "Messages whose receipts are known without a look into the store."),
    TD_CONF_STR(struct conf, url, TD_REQUIRED, NULL,
                "Where messages are posted to; {peer}, {account}, {id} and {secret} are filled "
                "in, the last from auth_secret."),
    TD_CONF_STR(struct conf, body, 0, "{\"to\":{peer},\"text\":{text},\"id\":{id}}",
                "JSON that is posted; {peer}, {text}, {id}, {account} and {session} become "
                "values, or parts of a string."),
    TD_CONF_STR(struct conf, body_choices, 0, NULL,
                "The same for a message with choices, {choices} being an array; unset, they "
                "are lines under the text."),
    TD_CONF_STR(struct conf, choice, 0, "{\"title\":{title},\"value\":{value}}",
                "JSON of one element of {choices}."),
    TD_CONF_INT(struct conf, max_choices, 0, "10", 1, 100,
                "More choices than this are lines under the text."),
    TD_CONF_LIST(struct conf, headers, 0, NULL, "Headers of the post, Name: value."),
    TD_CONF_ENUM(struct conf, auth, 0, "none", auths, "How our posts are signed, or carry a token."),
    TD_CONF_SECRET(struct conf, auth_secret, 0, "Its key or token."),
    TD_CONF_STR(struct conf, idempotency_header, 0, NULL,
                "Header that carries our id of a message; with it a post whose end is not known "
                "is made again."),
    TD_CONF_LIST(struct conf, reply_id, 0, "/id",
                 "Pointers to the provider's id in its answer, which receipts will name."),
    TD_CONF_STR(struct conf, reply_ok, 0, NULL,
                "Pointer to what must be true in its answer; unset, the HTTP status says it."),
    TD_CONF_DURATION(struct conf, timeout, 0, "10s", 100, 120000, "Time for a post."),
    TD_CONF_DURATION(struct conf, window, 0, "0", 0, INT64_C(31536000000),
                     "How long after a message of the customer the provider takes answers, such as "
                     "24h; 0: always. HTTP 410 says of a single customer that it takes none."),
    TD_CONF_END,
};

static void webhook_close(void *self)
{
    struct webhook *hook = self;

    files_close(hook);
    in_close(hook);
    out_close(hook);
    free(hook);
}

static enum td_status webhook_open(const struct td_host *host, struct td_instance *inst,
                                   const void *conf, void **self_r, struct td_error *err)
{
    struct webhook *hook = calloc(1, sizeof *hook);

    if (hook == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    hook->host = host;
    hook->inst = inst;
    hook->conf = conf;
    if (out_open(hook, err) != 0 || files_open(hook, err) != 0 || in_open(hook, err) != 0) {
        webhook_close(hook);
        return TD_CONF;
    }
    *self_r = hook;
    return TD_OK;
}

static void webhook_send(void *self, uint64_t job, const struct td_outbound *out)
{
    out_send(self, job, out);
}

static void webhook_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    in_accepted(self, delivery, accepted);
}

static void webhook_filed(void *self, uint64_t job, const struct td_filed *filed)
{
    files_filed(self, job, filed);
}

static void webhook_kept(void *self, uint64_t job, const struct td_kept *kept)
{
    known_kept(self, job, kept);
}

static const struct td_channel_ops ops = {
    .size = sizeof ops,
    .open = webhook_open,
    .send = webhook_send,
    .accepted = webhook_accepted,
    .close = webhook_close,
    .filed = webhook_filed,
    .kept = webhook_kept,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "webhook", .version = "1.0",
                 .caps = TD_CAN_CHOICES | TD_CAN_RECEIPTS, .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
