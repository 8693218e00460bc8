/* fuzz_ipc_in.c - frames that the gateway reads of a guest. */
#include "tests/fuzz/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    return fuzz_ipc(data, len, 1);
}
