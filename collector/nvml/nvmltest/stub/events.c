// Errors that a driver reports as they happen.
#include "stub.h"

struct nvmlEventSet_st { int init, n; struct { nvmlDevice_t d; int seen; } member[MAX]; };

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *to) {
    SYSTEM;
    if (n.events_error) return (nvmlReturn_t)n.events_error;
    to->handle = calloc(1, sizeof *to->handle);
    to->handle->init = inits;
    __atomic_add_fetch(&lent, 1, __ATOMIC_SEQ_CST);
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
    if (!set.handle || set.handle->init != inits) return NVML_ERROR_INVALID_ARGUMENT;
    free(set.handle);
    __atomic_sub_fetch(&lent, 1, __ATOMIC_SEQ_CST);
    return NVML_SUCCESS;
}
// Only what happens after this call is reported.
nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t d, unsigned long long types, nvmlEventSet_t set) {
    ENTER;
    struct nvmlEventSet_st *s = set.handle;
    if (!s || s->init != inits || types != nvmlEventTypeXidCriticalError || s->n == MAX) return NVML_ERROR_INVALID_ARGUMENT;
    s->member[s->n].d = d;
    s->member[s->n].seen = g.nxid;
    __atomic_add_fetch(&s->n, 1, __ATOMIC_SEQ_CST);
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *to, unsigned int ms) {
    struct nvmlEventSet_st *s = set.handle;
    for (num waited = 0;; waited++) {
        SYSTEM;
        if (!s || s->init != inits) return NVML_ERROR_INVALID_ARGUMENT;
        if (n.wait_error) return (nvmlReturn_t)n.wait_error;
        for (int i = 0; i < __atomic_load_n(&s->n, __ATOMIC_SEQ_CST); i++) {
            struct gpu g;
            peek(s->member[i].d, &g);
            if (s->member[i].seen >= g.nxid) continue;
            *to = (nvmlEventData_t){s->member[i].d, nvmlEventTypeXidCriticalError, g.xid[s->member[i].seen++], -1, -1};
            return NVML_SUCCESS;
        }
        if (waited >= ms && !n.wait_hang) return NVML_ERROR_TIMEOUT;
        pass_ms();
    }
}
