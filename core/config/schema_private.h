/* schema_private.h - what the files of schema.h share. Layer: config. */
#ifndef CONFIG_SCHEMA_PRIVATE_H
#define CONFIG_SCHEMA_PRIVATE_H

#include "config/schema.h"

struct err;

/* Row `i` as this build knows it: fields that are younger than the table are zero. */
struct td_conf_key schema_row(const struct td_conf_key *keys, size_t key_size, size_t i);

int schema_parse_int(const char *text, int64_t *value_r);
void schema_format_number(struct buf *out, enum td_conf_type type, int64_t value);
void schema_format_rate(struct buf *out, const struct td_rate *rate);

/* Memory with the values' life. */
void *schema_keep(struct schema_values *values, const void *p, size_t len); /* and NUL after it */

/* The secret that the pair stands for: NULL with a sentence in err. *literal_r: it stands in the
 * file itself. Neither sentence nor report shows it. */
const char *schema_secret(const struct conf_pair *pair, struct schema_values *values,
                          int *literal_r, struct err *err);

#endif
