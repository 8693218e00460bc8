/* fuzz_ipc_out.c - frames that a guest reads of the gateway. */
#include "tests/fuzz/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    return fuzz_ipc(data, len, 0);
}
