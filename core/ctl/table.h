/*
 * table.h - the daemon's JSON as text for people.
 *
 * Layer: ctl.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <cjson/cJSON.h>

struct buf;

/* An array of objects as a table. columns: their names in order, NULL-terminated; NULL takes the
 * plain members of the first row. */
void table_print(const cJSON *rows, const char *const *columns, struct buf *out);

/* An object as indented "key: value" lines, arrays of objects as tables. */
void table_object(const cJSON *object, int depth, struct buf *out);

#endif
