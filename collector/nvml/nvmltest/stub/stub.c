// A stand-in for NVIDIA's libnvidia-ml.so.1. It reads its world from the file
// that GPUTALLY_STUB_NVML names, anew whenever that file was replaced; package
// nvmltest writes it. With OLD_DRIVER it lacks what drivers added over time.
// A GPU that is entered by a second call while one is inside breaks for good.
#include "stub.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct { struct node node; struct gpu gpu[MAX]; } world;
static struct { const char *key; size_t at; } numbers[] = {
#define N(f) {#f, offsetof(struct gpu, f)}
    N(minor), N(total), N(reserved), N(used), N(utilization), N(power), N(limit), N(temperature), N(energy), N(mig), N(cut), N(error), N(hang), N(whole), N(corrected), N(uncorrected)};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stat last;
static int sessions, inside[MAX], broken[MAX];
int inits, lent;

static int many(const char *s, int *to, int most) {
    int n = 0, skip;
    for (; n < most && sscanf(s, "%d%n", &to[n], &skip) == 1; n++) s += skip;
    return n;
}

static void line(const char *key, const char *value) {
    struct gpu *g = &world.gpu[world.node.count ? world.node.count - 1 : 0];
    if (!strcmp(key, "init")) world.node.init = atoll(value);
    else if (!strcmp(key, "count_error")) world.node.count_error = atoll(value);
    else if (!strcmp(key, "number")) world.node.number = atoll(value);
    else if (!strcmp(key, "count_hang")) world.node.count_hang = atoll(value);
    else if (!strcmp(key, "events_error")) world.node.events_error = atoll(value);
    else if (!strcmp(key, "wait_error")) world.node.wait_error = atoll(value);
    else if (!strcmp(key, "wait_hang")) world.node.wait_hang = atoll(value);
    else if (!strcmp(key, "cuda")) world.node.cuda = atoll(value);
    else if (!strcmp(key, "driver")) snprintf(world.node.driver, sizeof world.node.driver, "%s", value);
    else if (!strcmp(key, "gpu") && world.node.count < MAX) snprintf(world.gpu[world.node.count++].uuid, sizeof g->uuid, "%s", strcmp(value, "-") ? value : "");
    else if (!strcmp(key, "name")) snprintf(g->name, sizeof g->name, "%s", value);
    else if (!strcmp(key, "bus")) snprintf(g->bus, sizeof g->bus, "%s", value);
    else if (!strcmp(key, "compute")) g->ncompute = many(value, g->compute, MAX);
    else if (!strcmp(key, "graphics")) g->ngraphics = many(value, g->graphics, MAX);
    else if (!strcmp(key, "mps")) g->nmps = many(value, g->mps, MAX);
    else if (!strcmp(key, "xids")) g->nxid = many(value, g->xid, MANY);
    else if (!strcmp(key, "instance")) {
        struct instance m = {1};
        int at;
        if (sscanf(value, "%d %95s %lld %lld %lld %lld %lld %lld %95[^\n]", &at, m.uuid, &m.gi, &m.ci, &m.gslices, &m.slices, &m.memory, &m.used, m.name) == 9 && at < MAX) g->instance[at] = m;
    } else if (!strcmp(key, "gpm")) {
        struct counters c = {1};
        int at;
        sscanf(value, "%d %lld %lld %lld %lld %lld", &at, &c.clock, &c.graphics, &c.sm, &c.tensor, &c.dram);
        if (at < 0) g->gpm = c; else if (at < MAX) g->instance[at].gpm = c;
    } else if (!strcmp(key, "rows")) {
        sscanf(value, "%lld %lld %lld %lld", &g->rows[0], &g->rows[1], &g->rows[2], &g->rows[3]);
    } else if (!strcmp(key, "field") && g->nfield < MAX) {
        sscanf(value, "%lld %lld %lld", &g->field[g->nfield].id, &g->field[g->nfield].kind, &g->field[g->nfield].value);
        g->nfield++;
    } else if (!strcmp(key, "sample") && g->nsample < MANY) {
        struct sample *at = &g->sample[g->nsample++];
        sscanf(value, "%lld %lld", &at->at, &at->value);
    } else if (!strcmp(key, "process") && g->nprocess < MAX) {
        struct process *p = &g->process[g->nprocess++];
        sscanf(value, "%d %lld %lld %lld", &p->pid, &p->memory, &p->gi, &p->ci);
    } else if (!strcmp(key, "work") && g->nwork < MAX) {
        struct work *w = &g->work[g->nwork++];
        sscanf(value, "%d %lld %lld", &w->pid, &w->at, &w->value);
    } else if (!strcmp(key, "fails") && g->nfails < MAX) {
        sscanf(value, "%63s %lld", g->fails[g->nfails].function, &g->fails[g->nfails].code);
        g->nfails++;
    } else for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(key, numbers[i].key)) *(num *)((char *)g + numbers[i].at) = atoll(value);
}

static void refresh(void) { // with the lock held
    const char *path = getenv("GPUTALLY_STUB_NVML");
    struct stat now;
    char key[32], value[1024];
    FILE *f;
    if (path && !stat(path, &now) && now.st_ino == last.st_ino && now.st_mtim.tv_sec == last.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == last.st_mtim.tv_nsec && now.st_size == last.st_size) return;
    memset(&world, 0, sizeof world);
    memset(&last, 0, sizeof last);
    if (!path || !(f = fopen(path, "r"))) { world.node.init = NVML_ERROR_DRIVER_NOT_LOADED; return; }
    fstat(fileno(f), &last);
    while (fscanf(f, "%31s %1023[^\n]", key, value) == 2) line(key, value);
    fclose(f);
}

static void pause_ms(void) { // with the lock held
    pthread_mutex_unlock(&lock);
    usleep(1000);
    pthread_mutex_lock(&lock);
    refresh();
}

nvmlReturn_t look(struct node *n) {
    pthread_mutex_lock(&lock);
    refresh();
    *n = world.node;
    nvmlReturn_t r = sessions ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
    pthread_mutex_unlock(&lock);
    return r;
}

void peek(nvmlDevice_t d, struct gpu *g) {
    pthread_mutex_lock(&lock);
    *g = world.gpu[(size_t)d.handle >> 8 & 0xff];
    pthread_mutex_unlock(&lock);
}

void pass_ms(void) { usleep(1000); }

// enter waits as long as the GPU hangs, or until the world says otherwise, and copies what the GPU is.
nvmlReturn_t enter(const char *function, nvmlDevice_t d, struct gpu *g, struct instance *m) {
    size_t h = (size_t)d.handle, i = h >> 8 & 0xff, part = h & 0xff;
    pthread_mutex_lock(&lock);
    refresh();
    if (inside[i]++) broken[i] = 1;
    for (num ms = 0; ms < world.gpu[i].hang; ms++) pause_ms();
    inside[i]--;
    *g = world.gpu[i];
    memset(m, 0, sizeof *m);
    if (part) *m = g->instance[part - 1];
    nvmlReturn_t r = !sessions ? NVML_ERROR_UNINITIALIZED : broken[i] ? NVML_ERROR_INVALID_STATE : h >> 16 != (size_t)inits ? NVML_ERROR_INVALID_ARGUMENT : (nvmlReturn_t)g->error;
    pthread_mutex_unlock(&lock);
    for (int f = 0; !r && f < g->nfails && !(part && g->whole); f++)
        if (!strcmp(function, g->fails[f].function)) r = (nvmlReturn_t)g->fails[f].code;
    return !r && part && !m->there ? NVML_ERROR_NOT_FOUND : r;
}


static struct process details(const struct gpu *g, int pid) {
    for (int i = 0; i < g->nprocess; i++) if (g->process[i].pid == pid) return g->process[i];
    return (struct process){pid, -1, -1, -1}; // not known, no MIG instance
}

// list gives the processes of a list, those on one MIG instance if m is one.
static nvmlReturn_t list(const struct gpu *g, const struct instance *m, const int *pids, int n, unsigned int *count, nvmlProcessInfo_t *to) {
    unsigned int room = *count;
    *count = 0;
    for (int i = 0; i < n; i++) {
        struct process p = details(g, pids[i]);
        if (m->there && (p.gi != m->gi || p.ci != m->ci)) continue;
        if (*count < room) to[*count] = (nvmlProcessInfo_t){p.pid, p.memory, p.gi, p.ci};
        (*count)++;
    }
    return room < *count ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}
#define PROCESSES(fn, which, n) nvmlReturn_t fn(nvmlDevice_t d, unsigned int *count, nvmlProcessInfo_t *to) { ENTER; return list(&g, &m, g.which, g.n, count, to); }

const char *nvmlErrorString(nvmlReturn_t r) {
    return r == NVML_ERROR_GPU_IS_LOST ? "GPU is lost" : r == NVML_ERROR_RESET_REQUIRED ? "GPU requires reset" : r == NVML_ERROR_INVALID_STATE ? "GPU was entered twice" : r == NVML_ERROR_IN_USE ? "something lent was not given back" : "error of the stub";
}
// Like the device files of the driver, one next to the scenario is open and mapped
// from the first initialization until each was followed by a shutdown.
static struct { int fd; void *at; } device = {-1, MAP_FAILED};
static void hold(void) { // with the lock held
    char path[4096];
    if (sessions && device.fd < 0 && getenv("GPUTALLY_STUB_NVML")) {
        snprintf(path, sizeof path, "%s.nvidiactl", getenv("GPUTALLY_STUB_NVML"));
        device.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (!ftruncate(device.fd, 4096)) device.at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, device.fd, 0);
    } else if (!sessions && device.fd >= 0) {
        if (device.at != MAP_FAILED) munmap(device.at, 4096);
        close(device.fd);
        device.fd = -1;
        device.at = MAP_FAILED;
    }
}
nvmlReturn_t nvmlInit_v2(void) {
    pthread_mutex_lock(&lock);
    refresh();
    nvmlReturn_t r = (nvmlReturn_t)world.node.init;
    if (!r) { sessions++; inits++; lent = 0; hold(); }
    pthread_mutex_unlock(&lock);
    return r;
}
nvmlReturn_t nvmlShutdown(void) {
    pthread_mutex_lock(&lock);
    nvmlReturn_t r = !sessions ? NVML_ERROR_UNINITIALIZED : lent ? NVML_ERROR_IN_USE : NVML_SUCCESS;
    if (sessions) sessions--;
    hold();
    pthread_mutex_unlock(&lock);
    return r;
}
nvmlReturn_t nvmlSystemGetDriverVersion(char *to, unsigned int size) { SYSTEM; snprintf(to, size, "%s", n.driver); return NVML_SUCCESS; }
nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *to) { SYSTEM; *to = (int)n.cuda; return NVML_SUCCESS; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *to) {
    pthread_mutex_lock(&lock);
    refresh();
    for (num ms = 0; ms < world.node.count_hang; ms++) pause_ms();
    if (world.node.count_error == NVML_ERROR_UNINITIALIZED) { sessions = 0; hold(); }
    pthread_mutex_unlock(&lock);
    SYSTEM; *to = n.number ? n.number : n.count; return (nvmlReturn_t)n.count_error;
}
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int i, nvmlDevice_t *to) {
    nvmlDevice_t d = {(void *)((size_t)inits << 16 | i << 8)}; // of no use after the next nvmlInit
    struct node n;
    if (!look(&n) && i >= (unsigned int)n.count) return NVML_ERROR_INVALID_ARGUMENT;
    ENTER; *to = d; return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t d, char *to, unsigned int n) { ENTER; snprintf(to, n, "%s", m.there ? m.uuid : g.uuid); return NVML_SUCCESS; }
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t d, char *to, unsigned int n) { ENTER; snprintf(to, n, "%s", m.there ? m.name : g.name); return NVML_SUCCESS; }
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t d, nvmlPciInfo_t *to) { ENTER; memset(to, 0, sizeof *to); memcpy(to->busId, g.bus, sizeof to->busId); return NVML_SUCCESS; }
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t d, nvmlMemory_t *to) {
    ENTER; if (m.there) { g.total = m.memory << 20; g.used = m.used; g.reserved = 0; }
    NUMBER(g.total, to->total); NUMBER(g.used, to->used); to->used += g.reserved; to->free = g.total - to->used; return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t d, nvmlUtilization_t *to) { ENTER; NUMBER(g.utilization, to->gpu); to->memory = 1; return NVML_SUCCESS; }
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t d, nvmlTemperatureSensors_t which, unsigned int *to) {
    ENTER; if (which != NVML_TEMPERATURE_GPU) return NVML_ERROR_INVALID_ARGUMENT; NUMBER(g.temperature, *to); return NVML_SUCCESS;
}
GETTER(nvmlDeviceGetMinorNumber, unsigned int, g.minor)
GETTER(nvmlDeviceGetPowerUsage, unsigned int, g.power)
GETTER(nvmlDeviceGetPowerManagementDefaultLimit, unsigned int, g.limit)
#ifdef OLD_DRIVER
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t d, unsigned int *count, nvmlProcessInfo_v1_t *to) {
    ENTER;
    unsigned int room = *count;
    *count = g.ncompute;
    if (room < *count) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (int i = 0; i < g.ncompute; i++) to[i] = (nvmlProcessInfo_v1_t){g.compute[i], details(&g, g.compute[i]).memory};
    return NVML_SUCCESS;
}
#else
nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *to) { return nvmlSystemGetCudaDriverVersion(to); }
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t d, nvmlMemory_v2_t *to) {
    if (to->version != nvmlMemory_v2) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    ENTER; if (m.there) { g.total = m.memory << 20; g.used = m.used; g.reserved = 0; }
    NUMBER(g.total, to->total); NUMBER(g.used, to->used); to->reserved = g.reserved; to->free = g.total - g.used - g.reserved; return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t d, unsigned int *least, unsigned int *most) { ENTER; NUMBER(g.limit, *most); *least = *most / 4; return NVML_SUCCESS; }
GETTER(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, g.energy)
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, compute, ncompute)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3, graphics, ngraphics)
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses_v3, mps, nmps)
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t d, unsigned int *now, unsigned int *pending) { ENTER; NUMBER(g.mig, *now); *pending = *now; return NVML_SUCCESS; }
nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t d, unsigned int *to) { ENTER; NUMBER(g.cut, *to); return NVML_SUCCESS; }
nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t d, unsigned int profile, nvmlGpuInstanceProfileInfo_t *to) {
    static const unsigned int slices[] = {1, 2, 3, 4, 7, 8, 6, 1, 2, 1, 1, 2, 4, 1, 2};
    ENTER; if (profile >= sizeof slices / sizeof *slices) return NVML_ERROR_INVALID_ARGUMENT;
    if (slices[profile] > g.cut) return NVML_ERROR_NOT_SUPPORTED;
    memset(to, 0, sizeof *to); to->id = profile; to->sliceCount = slices[profile]; to->instanceCount = g.cut / slices[profile]; return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t gpu, unsigned int i, nvmlDevice_t *to) {
    nvmlDevice_t d = {(void *)((size_t)gpu.handle | (i + 1))};
    ENTER; *to = d; return NVML_SUCCESS;
}
GETTER(nvmlDeviceGetGpuInstanceId, unsigned int, m.gi)
GETTER(nvmlDeviceGetComputeInstanceId, unsigned int, m.ci)
nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t d, nvmlDeviceAttributes_t *to) {
    ENTER; memset(to, 0, sizeof *to); NUMBER(m.slices, to->computeInstanceSliceCount);
    to->gpuInstanceSliceCount = m.gslices; to->memorySizeMB = m.memory; return NVML_SUCCESS;
}
#endif
