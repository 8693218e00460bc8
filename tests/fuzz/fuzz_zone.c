/* fuzz_zone.c - TZif files: whatever is taken tells a time for every moment, and comes back. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t moments[] = { INT64_MIN, -86400000, -1, 0, INT64_C(1763856000000),
                                       INT64_C(9999999999999), INT64_MAX };
    struct err err = { "" };
    struct zone *zone = zone_parse("Fuzz/Zone", data, size, &err);

    if (!zone) {
        if (!err.text[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct zone_time t;
        zone_local(zone, moments[i], &t);
        if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > 31 || t.hour < 0 || t.hour > 23 ||
            t.weekday < 0 || t.weekday > 6)
            abort();
        zone_moment(zone, t.year, t.month, t.day, t.hour, t.minute);
    }
    for (int month = 1; month <= 12; month++) {
        if (zone_moment(zone, 2030, month, 1, 0, 0) > zone_moment(zone, 2030, month, 28, 23, 59))
            abort();
    }
    zone_free(&zone);
    return 0;
}
