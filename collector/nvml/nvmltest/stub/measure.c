// What a driver measures over time: samples of the utilization of GPUs and processes.
#include "stub.h"

// The driver keeps samples in a buffer and first says how many there may be: more than it gives.
nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t d, nvmlSamplingType_t what, unsigned long long after, nvmlValueType_t *kind, unsigned int *count, nvmlSample_t *to) {
    ENTER;
    unsigned int room = *count, n = 0;
    if (what != NVML_GPU_UTILIZATION_SAMPLES || g.mig == 1) return NVML_ERROR_NOT_SUPPORTED;
    *kind = NVML_VALUE_TYPE_UNSIGNED_INT;
    for (int i = 0; i < g.nsample; i++) {
        if ((unsigned long long)g.sample[i].at <= after) continue;
        if (to && n < room) { to[n].timeStamp = g.sample[i].at; to[n].sampleValue.uiVal = g.sample[i].value; }
        n++;
    }
    if (!n) return NVML_ERROR_NOT_FOUND;
    *count = to ? n : n + 3;
    return to && room < n ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

// The driver tells the size of its whole buffer and gives those that have newer samples.
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t d, nvmlProcessUtilizationSample_t *to, unsigned int *count, unsigned long long after) {
    ENTER;
    unsigned int n = 0;
    if (g.mig == 1) return NVML_ERROR_NOT_SUPPORTED;
    if (!to) { *count = MAX; return NVML_ERROR_INSUFFICIENT_SIZE; }
    if (*count < MAX) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (int i = 0; i < g.nwork; i++)
        if ((unsigned long long)g.work[i].at > after)
            to[n++] = (nvmlProcessUtilizationSample_t){.pid = g.work[i].pid, .timeStamp = g.work[i].at, .smUtil = g.work[i].value};
    *count = n;
    return n ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}
