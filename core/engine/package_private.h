/* package_private.h - shared by package.c (what fits) and package_units.c (what there is). */
#ifndef ENGINE_PACKAGE_PRIVATE_H
#define ENGINE_PACKAGE_PRIVATE_H

#include "engine/package.h"

/* In the order of survival. */
enum package_group {
    GROUP_HANDOFF, GROUP_SESSION, GROUP_EPOCH, GROUP_REASON, GROUP_EVIDENCE, GROUP_ALSO,
    GROUP_INTENT, GROUP_STATUS, GROUP_SUMMARY, GROUP_CUSTOMER, GROUP_FIELDS, GROUP_ENTITIES,
    GROUP_DONE, GROUP_FAILED, GROUP_FLAGS, GROUP_LAST, GROUP_QUESTION, GROUP_CHANNEL,
    GROUP_ATTACHMENTS, GROUP_PROMISES, GROUP_INTENTS, GROUP_TRANSCRIPT, GROUP_NONE
};

enum package_shape { SHAPE_ONE, SHAPE_OBJECT, SHAPE_ARRAY };

struct package_rule {
    const char *name;   /* its key */
    const char *path;   /* as dropped[] names it */
    const char *label;  /* in a note */
    enum package_shape shape;
    enum package_group parent;
};
extern const struct package_rule package_rules[GROUP_NONE];

/* The smallest that is kept or left out: one value, or one object of an array. */
struct package_unit {
    enum package_group group;
    const char *key;     /* SHAPE_OBJECT: its name there */
    const char *unique;  /* what must not stand twice: the key as the format writes it */
    const char *refused; /* why it is out, whatever the limit; NULL: it is not */
    int cut;             /* it is not whole */
    const char *text;    /* as the format writes it */
    size_t len;
};

struct package_units {
    struct package_unit *unit;
    size_t n, cap;
    struct arena *arena;
    enum td_package_format format;
    const char *const *allow;
    const char *handoff, *summary; /* clean */
};

/* All of the package in the order of survival. Not for TD_PACKAGE_HEADER. */
void package_units(const struct package *package, struct package_units *units);

#endif
