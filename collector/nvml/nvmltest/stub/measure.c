// What a driver measures over time: samples of the utilization of GPUs and
// processes, and counters (GPM).
#include "stub.h"

// The driver keeps samples in a buffer and first says how many there may be: more
// than it gives. With new ones it gives the last one again that the caller has seen.
nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t d, nvmlSamplingType_t what, unsigned long long after, nvmlValueType_t *kind, unsigned int *count, nvmlSample_t *to) {
    ENTER;
    unsigned int room = *count, n = 0, news = 0;
    if (what != NVML_GPU_UTILIZATION_SAMPLES || g.mig == 1) return NVML_ERROR_NOT_SUPPORTED;
    *kind = NVML_VALUE_TYPE_UNSIGNED_INT;
    for (int i = 0; i < g.nsample; i++) {
        if ((unsigned long long)g.sample[i].at < after) continue;
        news += (unsigned long long)g.sample[i].at > after;
        if (to && n < room) { to[n].timeStamp = g.sample[i].at; to[n].sampleValue.uiVal = g.sample[i].value; }
        n++;
    }
    if (!news) return NVML_ERROR_NOT_FOUND;
    *count = to ? n : n + 3;
    return to && room < n ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

// The driver tells the size of its whole buffer and gives those that have newer
// samples, with the last ones again that the caller has seen.
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t d, nvmlProcessUtilizationSample_t *to, unsigned int *count, unsigned long long after) {
    ENTER;
    unsigned int n = 0, news = 0;
    if (g.mig == 1) return NVML_ERROR_NOT_SUPPORTED;
    if (!to) { *count = MAX; return NVML_ERROR_INSUFFICIENT_SIZE; }
    if (*count < MAX) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (int i = 0; i < g.nwork; i++) news += (unsigned long long)g.work[i].at > after;
    for (int i = 0; news && i < g.nwork; i++)
        if ((unsigned long long)g.work[i].at >= after)
            to[n++] = (nvmlProcessUtilizationSample_t){.pid = g.work[i].pid, .timeStamp = g.work[i].at, .smUtil = g.work[i].value};
    *count = n;
    return n ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

struct nvmlGpmSample_st { int init, filled; struct counters counters; };

// gpm fills a sample, which must have been allocated since the last initialization.
static nvmlReturn_t gpm(const struct counters *now, nvmlGpmSample_t sample) {
    if (!sample.handle || sample.handle->init != inits) return NVML_ERROR_INVALID_ARGUMENT;
    if (!now->there) return NVML_ERROR_NOT_SUPPORTED;
    sample.handle->counters = *now;
    sample.handle->filled = 1;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t d, nvmlGpmSupport_t *to) {
    if (to->version != NVML_GPM_SUPPORT_VERSION) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    ENTER; to->isSupportedDevice = g.gpm.there; return NVML_SUCCESS;
}
nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *to) {
    if (__atomic_load_n(&lent, __ATOMIC_SEQ_CST) >= 256) return NVML_ERROR_MEMORY;
    to->handle = calloc(1, sizeof *to->handle);
    to->handle->init = inits;
    __atomic_add_fetch(&lent, 1, __ATOMIC_SEQ_CST);
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
    if (!sample.handle || sample.handle->init != inits) return NVML_ERROR_INVALID_ARGUMENT;
    free(sample.handle);
    __atomic_sub_fetch(&lent, 1, __ATOMIC_SEQ_CST);
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t d, nvmlGpmSample_t to) { ENTER; return gpm(&g.gpm, to); }
nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t d, unsigned int gi, nvmlGpmSample_t to) {
    ENTER;
    for (int i = 0; i < MAX; i++)
        if (g.instance[i].there && g.instance[i].gi == gi) return gpm(&g.instance[i].gpm, to);
    return NVML_ERROR_NOT_FOUND;
}
// A counter that runs backwards comes out as a number that is none.
nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *get) {
    if (get->version != NVML_GPM_METRICS_GET_VERSION) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    struct nvmlGpmSample_st *a = get->sample1.handle, *b = get->sample2.handle;
    if (!a || !b || a->init != inits || b->init != inits || !a->filled || !b->filled) return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned int i = 0; i < get->numMetrics; i++) {
        nvmlGpmMetric_t *m = &get->metrics[i];
        num from = 0, to = 0;
        m->nvmlReturn = NVML_SUCCESS;
        switch (m->metricId) {
        case NVML_GPM_METRIC_GRAPHICS_UTIL: from = a->counters.graphics; to = b->counters.graphics; break;
        case NVML_GPM_METRIC_SM_UTIL: from = a->counters.sm; to = b->counters.sm; break;
        case NVML_GPM_METRIC_ANY_TENSOR_UTIL: from = a->counters.tensor; to = b->counters.tensor; break;
        case NVML_GPM_METRIC_DRAM_BW_UTIL: from = a->counters.dram; to = b->counters.dram; break;
        default: m->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
        }
        if (to < 0) m->nvmlReturn = (nvmlReturn_t)-to;
        m->value = 100.0 * (to - from) / (b->counters.clock - a->counters.clock);
    }
    return NVML_SUCCESS;
}
