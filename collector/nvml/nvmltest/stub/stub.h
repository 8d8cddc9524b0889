// What the parts of the stand-in share: the world that the scenario describes
// and the way into a GPU.
#define NVML_NO_UNVERSIONED_FUNC_DEFS 1
#include "nvml.h"
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 16
#define MANY 64
typedef long long num; // negative: the NVML error code to answer, negated

struct counters { num there, clock, graphics, sm, tensor, dram; }; // ms
struct instance { int there; struct counters gpm; char uuid[96], name[96]; num gi, ci, gslices, slices, memory, used; };
struct sample { num at, value; };
struct process { int pid; num memory, gi, ci; };
struct work { int pid; num at, value; };
struct gpu {
    char uuid[96], name[96], bus[32];
    num minor, total, reserved, used, utilization, power, limit, temperature, energy, mig, cut, error, hang, whole;
    int compute[MAX], ncompute, graphics[MAX], ngraphics, mps[MAX], nmps;
    struct process process[MAX]; // details of those in the lists
    int nprocess;
    struct work work[MAX];
    int nwork;
    struct instance instance[MAX];
    struct counters gpm; // none there: no such counters
    num corrected, uncorrected, rows[4]; // ECC errors; rows remapped for either, pending, failed
    struct { num id, kind, value; } field[MAX];
    int nfield;
    struct sample sample[MANY]; // GPU utilization over time
    int nsample, xid[MANY], nxid; // errors so far
    struct { char function[64]; num code; } fails[MAX]; // functions that fail on this GPU
    int nfails;
};
struct node { num init, cuda, number, count_error, count_hang, events_error, wait_error, wait_hang; int count; char driver[64]; };

extern int inits; // counts initializations; what was lent before the last one must not be used
extern int lent;  // what was not given back since

nvmlReturn_t look(struct node *n);
void peek(nvmlDevice_t d, struct gpu *g); // without entering it
void pass_ms(void);
nvmlReturn_t enter(const char *function, nvmlDevice_t d, struct gpu *g, struct instance *m);

#define SYSTEM struct node n; nvmlReturn_t r = look(&n); if (r) return r
#define ENTER struct gpu g; struct instance m; nvmlReturn_t r = enter(__func__, d, &g, &m); (void)m; if (r) return r
#define NUMBER(from, to) do { if ((from) < 0) return (nvmlReturn_t)-(from); (to) = (from); } while (0)
#define GETTER(fn, type, from) nvmlReturn_t fn(nvmlDevice_t d, type *to) { ENTER; NUMBER(from, *to); return NVML_SUCCESS; }
