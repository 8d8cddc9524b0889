// How a GPU fares: errors of its memory and values by number.
#include "stub.h"
#include <limits.h>

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t d, nvmlMemoryErrorType_t kind, nvmlEccCounterType_t counter, unsigned long long *to) {
    ENTER;
    if (counter != NVML_AGGREGATE_ECC) { *to = 0; return NVML_SUCCESS; } // none since the driver was loaded
    if (kind == NVML_MEMORY_ERROR_TYPE_CORRECTED) NUMBER(g.corrected, *to); else NUMBER(g.uncorrected, *to);
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t d, unsigned int *corr, unsigned int *unc, unsigned int *pending, unsigned int *failed) {
    ENTER;
    if (g.mig == 1) return NVML_ERROR_NOT_SUPPORTED;
    *corr = g.rows[0]; *unc = g.rows[1]; *pending = g.rows[2]; *failed = g.rows[3];
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t d, int count, nvmlFieldValue_t *values) {
    ENTER;
    for (int i = 0; i < count; i++) {
        nvmlFieldValue_t *v = &values[i];
        int ofLinks = v->fieldId >= NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX && v->fieldId <= NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX;
        v->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
        memset(&v->value, 0xee, sizeof v->value);
        for (int j = 0; j < g.nfield; j++) {
            num n = g.field[j].value;
            if (g.field[j].id != v->fieldId) continue;
            if (ofLinks && v->scopeId != UINT_MAX) n /= 18; // of one link
            v->valueType = (nvmlValueType_t)g.field[j].kind;
            v->nvmlReturn = NVML_SUCCESS;
            switch (v->valueType) {
            case NVML_VALUE_TYPE_DOUBLE: v->value.dVal = n; break;
            case NVML_VALUE_TYPE_UNSIGNED_INT: v->value.uiVal = n; break;
            case NVML_VALUE_TYPE_UNSIGNED_LONG: v->value.ulVal = n; break;
            case NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: v->value.ullVal = n; break;
            case NVML_VALUE_TYPE_SIGNED_LONG_LONG: v->value.sllVal = n; break;
            case NVML_VALUE_TYPE_SIGNED_INT: v->value.siVal = n; break;
            case NVML_VALUE_TYPE_UNSIGNED_SHORT: v->value.usVal = n; break;
            default: v->nvmlReturn = (nvmlReturn_t)n; // not a number but a failure
            }
        }
    }
    return NVML_SUCCESS;
}
