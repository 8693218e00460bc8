/*
 * schema.h - option tables: text values into typed structs, checked, with defaults.
 *
 * Layer: config. One row a key (struct td_conf_key) drives parsing, checking, -T, --keys, samples.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <tandem/plugin.h>

#include "config/conf.h"

struct buf;

/* A table and the struct it fills. Several may stand for one section: [channel X] has the keys of
 * every channel and those of its plugin. */
struct schema {
    const struct td_conf_key *keys; /* ends in a NULL name; NULL: no keys */
    size_t key_size;                /* stride; sizeof(struct td_conf_key) of whoever built it */
    void *target;                   /* zeroed struct to fill */
};

/* Memory of filled values; secrets are wiped when it goes. */
struct schema_values;
struct schema_values *schema_values_new(void);
void schema_values_free(struct schema_values **values);

/* Fills every target: defaults first, then the section's pairs. Unknown key, the same key twice,
 * missing required key, wrong unit, out of range, unknown choice: reported to conf with its place
 * and, where one is near, a did-you-mean. `what` names the section in messages: "[channel web]
 * (type webchat)". section NULL: defaults only. Returns the number of errors it reported. */
unsigned schema_fill(struct conf *conf, const struct conf_section *section, const char *what,
                     const struct schema *schemas, size_t n, struct schema_values *values);

/* -T: "key = value" lines of one filled table, secrets as ****. */
void schema_print(const struct schema *schema, struct buf *out);
/* --keys: one line a key with type, default, range, help; and as a commented sample. */
void schema_print_keys(const struct td_conf_key *keys, size_t key_size, struct buf *out);
void schema_print_sample(const struct td_conf_key *keys, size_t key_size, struct buf *out);

/* Units, for others who read them: 0, or -1 when the text is not one. */
int schema_parse_duration(const char *text, int64_t *ms_r);
int schema_parse_size(const char *text, int64_t *bytes_r);
int schema_parse_rate(const char *text, struct td_rate *rate_r);

#endif
