/* webhook_template.c - fills {names} in JSON and in URLs. */
#include "config.h"

#include "channels/webhook_template.h"

/* The value whose {name} begins here, or NULL; *len_r: with its braces. */
static const struct template_value *value_at(const char *at, const struct template_value *values,
                                             size_t *len_r)
{
    if (*at != '{')
        return NULL;
    for (; values->name != NULL; values++) {
        size_t len = strlen(values->name);

        if (strncmp(at + 1, values->name, len) == 0 && at[len + 1] == '}') {
            *len_r = len + 2;
            return values;
        }
    }
    return NULL;
}

static void put(struct td_json *json, const char *text, size_t len)
{
    json->comma = 0;
    td_json_raw(json, text, len);
    json->comma = 0;
}

/* As a part of a string that is open: escaped, without the quotes. */
static void put_inside(struct td_json *json, const char *text)
{
    struct td_json part = { 0 };

    td_json_str(&part, text);
    json->failed |= part.failed;
    if (!part.failed)
        put(json, part.data + 1, part.len - 2);
    td_json_free(&part);
}

static void put_value(struct td_json *json, const struct template_value *value, int inside)
{
    if (inside && value->text != NULL) {
        put_inside(json, value->text);
    } else if (!inside) {
        json->comma = 0;
        if (value->json != NULL)
            td_json_raw(json, value->json, strlen(value->json));
        else
            td_json_str(json, value->text);
        json->comma = 0;
    }
}

void template_write(struct td_json *json, const char *text, const struct template_value *values)
{
    const char *from = text;
    int inside = 0;

    while (*text != '\0') {
        const struct template_value *value;
        size_t len = 1;

        if (*text == '"')
            inside = !inside;
        else if (inside && *text == '\\' && text[1] != '\0')
            len = 2;
        else if ((value = value_at(text, values, &len)) != NULL) {
            put(json, from, (size_t)(text - from));
            put_value(json, value, inside);
            from = text + len;
        }
        text += len;
    }
    put(json, from, (size_t)(text - from));
}

int template_check(const char *key, const char *text, const struct template_value *values,
                   struct td_error *err)
{
    struct td_json json = { 0 };
    char why[128] = "";
    cJSON *tree;

    template_write(&json, text, values);
    tree = td_json_parse(td_json_text(&json), td_json_len(&json), NULL, why, sizeof why);
    td_json_free(&json);
    if (tree == NULL)
        snprintf(err->text, sizeof err->text, "'%s' is not JSON once it is filled: %s", key, why);
    cJSON_Delete(tree);
    return tree != NULL ? 0 : -1;
}

/* What may stand in a path as it is; ':' too, which tokens hold. */
static int is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~:", c) != NULL);
}

int template_check_url(const char *key, const char *url, struct td_error *err)
{
    const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    const char *file = strstr(url, "{file}");
    int is_open = 0;
    size_t len;

    if (host == NULL) {
        snprintf(err->text, sizeof err->text,
                 "%s '%.200s' does not begin with http:// or https://", key, url);
        return -1;
    }
    len = strcspn(host, "/?#");
    for (size_t i = len; i > 0 && host[i - 1] != '@'; i--)
        is_open |= host[i - 1] == '{';
    is_open |= file != NULL && file < host + len; /* its slashes stay: behind one, @ is a path's */
    if (!is_open)
        return 0;
    snprintf(err->text, sizeof err->text,
             "%s '%.200s' must say itself what the host is, without a name in braces", key, url);
    return -1;
}

int template_url(char *url_r, size_t size, const char *text, const struct template_value *values)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;

    while (*text != '\0') {
        size_t len = 1;
        const struct template_value *value = value_at(text, values, &len);
        const char *in = value != NULL && value->text != NULL ? value->text : "";

        if (n + 4 > size || (value != NULL && *in != '\0' && in[strspn(in, ".")] == '\0'))
            return -1;
        if (value == NULL)
            url_r[n++] = *text;
        for (; *in != '\0' && n + 4 <= size; in++) {
            if (is_plain(*in)) {
                url_r[n++] = *in;
                continue;
            }
            url_r[n++] = '%';
            url_r[n++] = hex[(unsigned char)*in >> 4];
            url_r[n++] = hex[(unsigned char)*in & 15];
        }
        if (*in != '\0')
            return -1;
        text += len;
    }
    url_r[n] = '\0';
    return 0;
}
