/* policy.c - tandemctl policy explain, policy try. */
#include "config.h"

#include "ctl/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tandem/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/table.h"

#define API "/api/v1/"
#define FILE_MOST (512 * 1024)
#define POLL_MS 100

static int usage(void)
{
    fputs("tandemctl: policy explain SESSION [SEQ], or policy try FILE [--since 7d]\n", stderr);
    return CTL_USAGE;
}

/* The answer parsed, or NULL with an exit code; what is wrong is said. */
static cJSON *ask(const struct args *args, const char *method, const char *path, const char *body,
                  struct buf *answer, int *code_r)
{
    struct err err;
    const int status = client_call(&args->client, method, path, body, answer, &err);
    cJSON *tree = status > 0 && answer->len > 0 ? cJSON_ParseWithLength(answer->data, answer->len)
                                                : NULL;

    if (status < 0) {
        fprintf(stderr, "tandemctl: %s\n", err.text);
        *code_r = CTL_UNREACHABLE;
    } else if (status >= 300 || !tree) {
        const char *why = td_json_get_str(td_json_get(tree, "error"), "message");
        fprintf(stderr, "tandemctl: refused: %s\n", why ? why : "HTTP status");
        *code_r = CTL_REFUSED;
        cJSON_Delete(tree);
        tree = NULL;
    }
    return tree;
}

static void print(const struct buf *out)
{
    fwrite(out->data, 1, out->len, stdout);
    if (out->len > 0 && out->data[out->len - 1] != '\n')
        putchar('\n');
}

static int explain(const struct args *args)
{
    static const char *const columns[] = { "seq",  "what",    "point",  "rule", "class",
                                           "code", "outcome", "values", NULL };
    const char *id = args->words[2], *seq = args->n_words > 3 ? args->words[3] : "0";
    struct buf answer = { 0 }, out = { 0 };
    int code = CTL_OK;

    if (strlen(id) != 26 || id[strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")] ||
        seq[strspn(seq, "0123456789")])
        return usage();
    char *path = mem_printf(API "sessions/%s/policy?seq=%s", id, seq);
    cJSON *tree = ask(args, "GET", path, NULL, &answer, &code);
    if (tree && args->json) {
        print(&answer);
    } else if (tree) {
        const cJSON *points = td_json_get(tree, "points");
        if (cJSON_GetArraySize(points) == 0)
            buf_str(&out, "nothing was decided there");
        else
            table_print(points, columns, &out);
        print(&out);
    }
    cJSON_Delete(tree);
    buf_fini(&out);
    buf_fini(&answer);
    free(path);
    return code;
}

/* "7d", "12h", "30min", "90s"; 0: it is none. */
static long long seconds_of(const char *text)
{
    static const struct {
        const char *unit;
        long long seconds;
    } units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
    char *end;

    errno = 0;
    const long long n = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (errno == 0 && n > 0 && n < 1000000 && strcmp(end, units[i].unit) == 0)
            return n * units[i].seconds;
    }
    return 0;
}

/* {"rules": the file, "since_s": ..}; NULL: it cannot be read, which is said. */
static char *question(const char *file, long long since_s)
{
    FILE *in = fopen(file, "re");
    struct td_json j = { 0 };

    if (!in) {
        fprintf(stderr, "tandemctl: %s: %s\n", file, strerror(errno));
        return NULL;
    }
    char *text = mem_alloc(FILE_MOST + 2);
    const size_t len = fread(text, 1, FILE_MOST + 1, in);
    const int bad = ferror(in) || len > FILE_MOST;
    fclose(in);
    if (bad)
        fprintf(stderr, "tandemctl: %s cannot be read, or is larger than 512 KiB\n", file);
    text[len] = '\0';
    td_json_object(&j);
    td_json_key_str(&j, "rules", text);
    td_json_key_int(&j, "since_s", since_s);
    td_json_object_end(&j);
    char *body = bad ? NULL : mem_strdup(td_json_text(&j));
    td_json_free(&j);
    free(text);
    return body;
}

static void add_side(struct buf *out, const cJSON *handoff)
{
    const char *code = td_json_get_str(handoff, "code"), *rule = td_json_get_str(handoff, "rule");
    int64_t message = 0;

    td_json_get_int(handoff, "message", &message);
    if (!code)
        buf_str(out, "agent");
    else
        buf_printf(out, "%s at message %lld%s%s", code, (long long)message, rule ? " by " : "",
                   rule ? rule : "");
}

static void print_result(const cJSON *tree)
{
    static const char *const keys[] = { "sessions", "handed_over", "would_be", "early",
                                        "late",     "needless",    "changed" };
    struct buf out = { 0 };
    const cJSON *change;

    cJSON_ArrayForEach(change, td_json_get(tree, "changes")) {
        buf_printf(&out, "%s  ", td_json_get_str(change, "session"));
        add_side(&out, td_json_get(change, "was"));
        buf_str(&out, " -> ");
        add_side(&out, td_json_get(change, "would"));
        buf_char(&out, '\n');
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int64_t n = 0;
        td_json_get_int(tree, keys[i], &n);
        buf_printf(&out, "%s%s %lld", i > 0 ? ", " : "", keys[i], (long long)n);
    }
    print(&out);
    buf_fini(&out);
}

static void progress(const cJSON *tree, int is_last)
{
    int64_t sessions = 0, records = 0;

    td_json_get_int(tree, "sessions", &sessions);
    td_json_get_int(tree, "records", &records);
    if (isatty(STDERR_FILENO) || is_last)
        fprintf(stderr, "%s%lld sessions, %lld records%s", isatty(STDERR_FILENO) ? "\r" : "",
                (long long)sessions, (long long)records, is_last ? "\n" : "");
    fflush(stderr);
}

static int try_file(const struct args *args)
{
    const long long since = seconds_of(args->since ? args->since : "7d");
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    struct buf answer = { 0 };
    int code = CTL_OK;

    if (since == 0 || args->n_words > 3)
        return usage();
    char *body = question(args->words[2], since);
    if (!body)
        return CTL_REFUSED;
    cJSON *tree = ask(args, "POST", API "policy/try", body, &answer, &code);
    char *path = tree ? mem_printf(API "policy/try/%s", td_json_get_str(tree, "id")) : NULL;
    while (tree && !cJSON_IsTrue(td_json_get(tree, "finished"))) {
        progress(tree, 0);
        nanosleep(&pause, NULL);
        cJSON_Delete(tree);
        buf_clear(&answer);
        tree = ask(args, "GET", path, NULL, &answer, &code);
    }
    if (tree) {
        const char *why = td_json_get_str(tree, "error");
        progress(tree, 1);
        if (why)
            fprintf(stderr, "tandemctl: refused: %s\n", why);
        else if (args->json)
            print(&answer);
        else
            print_result(tree);
        code = why ? CTL_REFUSED : CTL_OK;
    }
    cJSON_Delete(tree);
    buf_fini(&answer);
    free(path);
    free(body);
    return code;
}

int policy_run(const struct args *args)
{
    if (strcmp(args->words[1], "explain") == 0)
        return explain(args);
    return strcmp(args->words[1], "try") == 0 ? try_file(args) : usage();
}
