/* schema_secret.c - where secrets come from: @file:, @cred:, @env:, or the conf file itself. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/schema_private.h"

#define SECRET_MAX (64 * 1024)

static const char *keep_text(struct schema_values *values, const char *what, const char *text,
                             size_t len, struct err *err)
{
    if (len && text[len - 1] == '\n')
        len--;
    if (!len)
        err_set(err, "%s is empty", what);
    else if (memchr(text, '\0', len))
        err_set(err, "%s holds a NUL byte", what);
    else
        return schema_keep(values, text, len);
    return NULL;
}

static const char *read_secret(struct schema_values *values, const char *path, struct err *err)
{
    char text[SECRET_MAX + 1];
    const char *secret = NULL;
    size_t len = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err_set(err, "cannot open %s: %s", path, strerror(errno));
        return NULL;
    }
    do {
        n = read(fd, text + len, sizeof(text) - len);
        if (n > 0)
            len += (size_t)n;
    } while ((n > 0 && len < sizeof(text)) || (n < 0 && errno == EINTR));
    if (n < 0)
        err_set(err, "cannot read %s: %s", path, strerror(errno));
    else if (len > SECRET_MAX)
        err_set(err, "%s is larger than %d bytes", path, SECRET_MAX);
    else
        secret = keep_text(values, path, text, len, err);
    close(fd);
    mem_wipe(text, len);
    return secret;
}

static const char *from_file(const struct conf_pos *pos, const char *name,
                             struct schema_values *values, struct err *err)
{
    char *path = conf_path(pos, name);
    const char *secret = read_secret(values, path, err);
    free(path);
    return secret;
}

static const char *from_credential(const char *name, struct schema_values *values,
                                   struct err *err)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (!dir || !*dir) {
        err_set(err, "@cred:%s needs $CREDENTIALS_DIRECTORY, which systemd sets for "
                     "LoadCredential=", name);
        return NULL;
    }
    if (!*name || strchr(name, '/')) {
        err_set(err, "'%s' is not the name of a credential", name);
        return NULL;
    }
    char *path = mem_printf("%s/%s", dir, name);
    const char *secret = read_secret(values, path, err);
    free(path);
    return secret;
}

static const char *from_environment(const char *name, struct schema_values *values,
                                    struct err *err)
{
    const char *text = getenv(name);

    if (text)
        return keep_text(values, name, text, strlen(text), err);
    err_set(err, "%s is not set in the environment", name);
    return NULL;
}

const char *schema_secret(const struct conf_pair *pair, struct schema_values *values,
                          int *literal_r, struct err *err)
{
    const char *text = pair->value;

    *literal_r = 0;
    if (!pair->quoted && strncmp(text, "@file:", 6) == 0)
        return from_file(&pair->key_pos, text + 6, values, err);
    if (!pair->quoted && strncmp(text, "@cred:", 6) == 0)
        return from_credential(text + 6, values, err);
    if (!pair->quoted && strncmp(text, "@env:", 5) == 0)
        return from_environment(text + 5, values, err);

    *literal_r = !pair->from_env;
    if (!pair->quoted && text[0] == '@') {
        err_set(err, "a secret that begins with '@' is @file:PATH, @cred:NAME or @env:NAME; "
                     "one that is not stands in double quotes");
        return NULL;
    }
    return keep_text(values, "the secret", text, strlen(text), err);
}
